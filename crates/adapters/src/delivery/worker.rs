//! The worker of the outbox's message channels.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use simpul_domain::TenantId;
use simpul_event_store::{
    EventStore, StoreError,
    crash::{self, Point},
    inline::outbox::{self, Leased},
};
use tokio::time::{Instant, sleep};

use super::{
    Ports,
    machine::{Effect, Ending, Input, Machine},
    pace::Pace,
};
use crate::work_loop::{Work, chain};

/// How the worker behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Channel of the outbox.
    pub channel: &'static str,
    /// Shortest time between two messages of one sender; 8 to 30 s for unofficial WhatsApp drivers, zero in tests.
    pub gap: Duration,
    /// Longer than rendering and sending can take.
    pub lease: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            channel: "whatsapp",
            gap: Duration::from_secs(8),
            lease: Duration::from_secs(45),
        }
    }
}

/// Delivers parcels. Runs in [`crate::work_loop::run`]. One instance delivers a channel's parcels of a tenant one
/// after the other; the pace is per instance.
#[derive(Debug)]
pub struct Courier<P> {
    store: EventStore,
    ports: P,
    settings: Settings,
    started: Instant,
    pace: Mutex<Pace>,
}

impl<P: Ports> Courier<P> {
    pub fn new(store: EventStore, ports: P, settings: Settings) -> Self {
        Self {
            store,
            ports,
            settings,
            started: Instant::now(),
            pace: Mutex::new(Pace::new(settings.gap)),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn deliver(&self, parcel: &Leased) -> Ending {
        let count = |number: i32| u32::try_from(number).unwrap_or(1);
        let mut machine = Machine::new(count(parcel.attempts), count(parcel.begun));
        let mut input = Input::Begin;
        loop {
            input = match machine.step(input) {
                Effect::End(ending) => return ending,
                Effect::AskContent => match self.ports.content(parcel).await {
                    Ok(content) => Input::Content(content),
                    Err(error) => {
                        tracing::warn!(parcel = %parcel.parcel.id, error = chain(&error), "content not readable");
                        Input::NoContent
                    }
                },
                Effect::Wait { ms } => {
                    sleep(Duration::from_millis(ms)).await;
                    Input::Waited
                }
                Effect::Begin { number } => match self.begin(parcel, number).await {
                    Ok(()) => Input::Begun,
                    Err(error) => {
                        tracing::warn!(parcel = %parcel.parcel.id, error = chain(&error), "not begun");
                        Input::NotBegun
                    }
                },
                Effect::Send(message) => {
                    crash::point(Point::ParcelBegun);
                    let outcome = self.ports.send(parcel.tenant, &message).await;
                    crash::point(Point::ParcelSent);
                    Input::Sent(outcome)
                }
                Effect::Record(report) => match self.ports.record(parcel, &report).await {
                    Ok(()) => {
                        crash::point(Point::ParcelRecorded);
                        Input::Recorded
                    }
                    Err(error) => {
                        tracing::warn!(parcel = %parcel.parcel.id, error = chain(&error), "outcome not recorded");
                        Input::NotRecorded
                    }
                },
            };
        }
    }

    async fn begin(&self, parcel: &Leased, number: u32) -> Result<(), StoreError> {
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        let mut tx = self.store.db().tenant_tx(parcel.tenant).await?;
        outbox::begin(&mut tx, parcel, number).await?;
        tx.commit().await
    }

    async fn finish(&self, parcel: &Leased, ending: Ending) -> Result<(), StoreError> {
        let is_senders = matches!(
            ending,
            Ending::Retry { sender: true, .. } | Ending::Failed { sender: true, .. }
        );
        if is_senders {
            self.pace().refused(parcel.tenant, self.now_ms());
        } else if matches!(ending, Ending::Done) {
            self.pace().succeeded(parcel.tenant);
        }
        let ending = match ending {
            Ending::Done => outbox::Ending::Done,
            Ending::Retry { after, reason, .. } => outbox::Ending::Retry {
                due_at: self.store.now() + delta(after),
                error: reason,
            },
            Ending::Failed { reason, .. } => outbox::Ending::Failed { error: reason },
            Ending::Unknown => outbox::Ending::Unknown {
                error: "it may have gone out".to_owned(),
            },
            Ending::LeaseRunsOut => return Ok(()),
        };
        let mut tx = self.store.db().tenant_tx(parcel.tenant).await?;
        outbox::end(&mut tx, parcel, &ending).await?;
        tx.commit().await
    }
}

fn delta(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}

impl<P: Ports> Work for Courier<P> {
    type Item = Leased;

    fn name(&self) -> &'static str {
        self.settings.channel
    }

    fn lease(&self) -> Duration {
        self.settings.lease
    }

    async fn due(&self, limit: i64) -> Result<Vec<TenantId>, StoreError> {
        let mut tx = self.store.db().system_tx().await?;
        let due = outbox::due(&mut tx, self.settings.channel, &self.store.taker(), limit).await?;
        tx.commit().await?;
        Ok(due.into_iter().map(|due| due.tenant).collect())
    }

    async fn take(&self, tenant: TenantId, limit: i64) -> Result<Vec<Leased>, StoreError> {
        if limit == 0 || !self.pace().allows(tenant, self.now_ms()) {
            return Ok(Vec::new());
        }
        let (channel, lease) = (self.settings.channel, delta(self.settings.lease));
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let parcels = outbox::lease(&mut tx, channel, &self.store.taker(), lease, 1).await?;
        tx.commit().await?;
        if !parcels.is_empty() {
            crash::point(Point::ParcelLeased);
            self.pace().leased(tenant, self.now_ms(), self.settings.lease);
        }
        Ok(parcels)
    }

    /// One message of a sender at a time: only one is leased, and one that was leased while stopping is still delivered.
    fn place(&self, parcel: &Leased) -> Option<String> {
        Some(parcel.tenant.to_string())
    }

    async fn give_back(&self, parcel: Leased) {
        self.handle(parcel).await;
    }

    async fn handle(&self, parcel: Leased) {
        let ending = self.deliver(&parcel).await;
        self.pace().ended(parcel.tenant);
        if let Err(error) = self.finish(&parcel, ending).await {
            tracing::warn!(parcel = %parcel.parcel.id, error = chain(&error), "end of a parcel not recorded");
        }
    }
}
