//! What an operation does first, and comes in the round trip that looks up where its caller stands (ADR 77).

use std::{future::Future, pin::pin, sync::Arc};

use async_graphql::parser::types::OperationType;
use futures_util::FutureExt as _;
use simpul_event_store::{
    ConsistencyToken,
    feed::{self, Opening, Plans, Turns},
    inline::access::{self, Admitted, Caller, Standing},
};

use crate::{ApiError, ApiState, engine::Prepared};

/// What an operation is going to do, as far as that is known before its caller is let in.
#[derive(Debug, Clone)]
pub(crate) enum First {
    Unknown,
    /// A command.
    Command,
    /// It reads, as it did the last time.
    Read(Arc<Opening>, Option<ConsistencyToken>),
}

impl First {
    pub(super) fn of(prepared: &Prepared, token: Option<ConsistencyToken>) -> Self {
        match prepared.kind {
            OperationType::Query => {
                let habit = prepared.document().habit();
                habit.map_or(Self::Unknown, |opening| Self::Read(opening, token))
            }
            OperationType::Mutation => Self::Command,
            OperationType::Subscription => Self::Unknown,
        }
    }

    /// Where the caller stands, and what was begun with it.
    pub(super) async fn begin(
        &self,
        state: &ApiState,
        caller: Caller,
    ) -> Result<(Standing, Begun), ApiError> {
        let store = state.store();
        let mut begun = Begun::default();
        let standing = match self {
            Self::Command => {
                let (standing, admitted) = state.at_gate(caller).await?;
                begun.admitted = Some(admitted);
                standing
            }
            Self::Read(opening, token) if feed::may_begin(store, caller.tenant, opening, *token) => {
                let (standing, reading) = state.begin_to_read(caller, opening).await?;
                let turns = reading.and_then(|reading| reading.since(*token));
                begun.reading = turns.map(|turns| (Arc::clone(opening), turns));
                standing
            }
            Self::Unknown | Self::Read(..) => access::standing_of(store, caller).await?,
        };
        Ok((standing, begun))
    }
}

/// What was begun.
#[derive(Debug, Default)]
pub(crate) struct Begun {
    reading: Option<(Arc<Opening>, Turns)>,
    admitted: Option<Admitted>,
}

impl Begun {
    /// Nobody waits for a connection with another one in hand: what does not come at once is waited for without.
    pub(super) async fn unless_it_takes_time<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        if let Some(done) = future.as_mut().now_or_never() {
            return done;
        }
        self.reading = None;
        future.await
    }

    /// The right to read in the transaction, if it is what is wanted. If it is not, it is given back.
    pub(crate) fn reading(&mut self, projections: &[&str], plans: Plans) -> Option<Turns> {
        let (opening, turns) = self.reading.take()?;
        opening.is(projections, plans).then_some(turns)
    }

    /// For the first command. What a later one may do can be another matter.
    pub(crate) fn admitted(&mut self) -> Option<Admitted> {
        self.admitted.take()
    }
}
