//! Rounds: what one process of all makes once in every hour, such as anchoring and clearing away.
//!
//! [`machine::Machine`] decides; [`run`] performs. A lease keeps two processes from doing the same work; a round that
//! is made twice does no harm.

pub mod machine;

use std::{error::Error, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use self::machine::{Effect, Input, Machine};
use crate::{
    EventStore,
    feed::{Shard, lease::Lease},
};

/// Something that is made once in every slot of time.
pub trait Round: Send + Sync + 'static {
    type Error: Error + Send + Sync + 'static;

    /// Name of the lease, such as `round/anchor`.
    fn name(&self) -> &'static str;

    /// Length of a slot.
    fn every(&self) -> TimeDelta {
        TimeDelta::hours(1)
    }

    /// When anybody made it last, as far as that leaves a trace.
    fn last(&self) -> impl Future<Output = Result<Option<DateTime<Utc>>, Self::Error>> + Send;

    /// Makes it.
    fn make(&self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Makes rounds until `stop`. One that has begun is finished first.
pub async fn run<R: Round>(store: EventStore, round: R, stop: CancellationToken) {
    let mut machine = Machine::new(round.every());
    let mut maker = Maker {
        store,
        round,
        lease: None,
    };
    let mut input = Input::Woken;
    while !stop.is_cancelled() {
        input = match machine.step(maker.store.now(), input) {
            Effect::Wait { ms } => {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(Duration::from_millis(ms)) => {}
                }
                Input::Woken
            }
            effect => maker.perform_or_start_over(effect).await,
        };
    }
    if let Some(lease) = maker.lease.take() {
        lease.release().await;
    }
}

struct Maker<R> {
    store: EventStore,
    round: R,
    lease: Option<Lease>,
}

impl<R: Round> Maker<R> {
    async fn perform_or_start_over(&mut self, effect: Effect) -> Input {
        let db = self.store.db().clone();
        if let Ok(input) = db.or_given_up(self.perform(effect)).await {
            return input;
        }
        self.forget();
        Input::LeaseLost
    }

    fn forget(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.forsake();
        }
    }

    async fn perform(&mut self, effect: Effect) -> Input {
        match effect {
            Effect::TakeLease => self.take_lease().await,
            Effect::CheckLease => self.check_lease().await,
            Effect::Make { missed } => self.make(missed).await,
            Effect::Wait { .. } => Input::Woken,
        }
    }

    async fn take_lease(&mut self) -> Input {
        match Lease::take(&self.store, self.round.name(), Shard::WHOLE).await {
            Ok(Some(lease)) => self.lease = Some(lease),
            Ok(None) => return Input::LeaseBusy,
            Err(error) => return self.failed(&error),
        }
        match self.round.last().await {
            Ok(last) => Input::LeaseTaken { last },
            Err(error) => {
                self.lease = None;
                self.failed(&error)
            }
        }
    }

    async fn check_lease(&mut self) -> Input {
        if let Some(lease) = &self.lease
            && lease.check().await.is_ok()
        {
            return Input::LeaseHeld;
        }
        self.forget();
        Input::LeaseLost
    }

    async fn make(&self, missed: u64) -> Input {
        if missed > 0 {
            tracing::warn!(round = self.round.name(), missed, "nobody made it for a while");
        }
        match self.round.make().await {
            Ok(()) => Input::Made,
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&self, error: &(dyn Error + 'static)) -> Input {
        let error = crate::feed::chain(error);
        tracing::error!(
            round = self.round.name(),
            error,
            "not made; it will be tried again"
        );
        Input::Failed
    }
}
