//! The worker of the outbox's letters.

use std::time::Duration;

use chrono::TimeDelta;
use simpul_domain::TenantId;
use simpul_event_store::{
    EventStore, StoreError,
    inline::{
        identity::letter,
        outbox::{self, Leased},
    },
};

use super::{
    Mail, Undelivered,
    tries::{self, Ending, Start},
};
use crate::work_loop::{PortError, Work, chain};

/// Longer than reading and sending can take ([`super::SmtpSettings::timeout`]), twice: an item is started in its first
/// half.
const LEASE: Duration = Duration::from_secs(90);
/// Letters of a tenant that are leased at once.
const BATCH: i64 = 10;
/// What cannot be read now is looked at again.
const UNREADABLE: TimeDelta = TimeDelta::seconds(10);

/// What a letter is at the moment of sending.
#[derive(Debug, Clone)]
pub enum Content {
    Ready(Box<Mail>),
    /// It can never be sent, or nobody wants it any more. The text says why.
    Impossible(&'static str),
}

/// What the worker asks of the rest of the product.
pub trait Ports: Send + Sync + 'static {
    /// Opens a letter and writes it in its reader's language.
    fn content(&self, parcel: &Leased) -> impl Future<Output = Result<Content, PortError>> + Send;

    /// Hands it over. Never retries.
    fn deliver(&self, mail: &Mail) -> impl Future<Output = Result<(), Undelivered>> + Send;
}

/// How the worker behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Longer than reading and sending can take.
    pub lease: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { lease: LEASE }
    }
}

/// Sends letters. Runs in [`crate::work_loop::run`].
#[derive(Debug)]
pub struct Postman<P> {
    store: EventStore,
    ports: P,
    settings: Settings,
}

impl<P: Ports> Postman<P> {
    pub const fn new(store: EventStore, ports: P, settings: Settings) -> Self {
        Self {
            store,
            ports,
            settings,
        }
    }

    async fn deliver(&self, parcel: &Leased) -> Result<outbox::Ending, StoreError> {
        let number = match tries::start(u32::try_from(parcel.begun).unwrap_or(u32::MAX)) {
            Start::Try { number } => number,
            Start::Unknown => {
                return Ok(outbox::Ending::Unknown {
                    error: "it may have gone out".to_owned(),
                });
            }
        };
        let mail = match self.ports.content(parcel).await {
            Ok(Content::Ready(mail)) => mail,
            Ok(Content::Impossible(why)) => {
                return Ok(outbox::Ending::Failed {
                    error: why.to_owned(),
                });
            }
            Err(error) => {
                tracing::warn!(parcel = %parcel.parcel.id, error = chain(&error), "letter not readable");
                return Ok(self.again(UNREADABLE, "it cannot be read".to_owned()));
            }
        };
        let mut tx = self.store.db().tenant_tx(parcel.tenant).await?;
        outbox::begin(&mut tx, parcel, i32::try_from(number).unwrap_or(i32::MAX)).await?;
        tx.commit().await?;
        let outcome = self.ports.deliver(&mail).await;
        Ok(match tries::end(number, outcome) {
            Ending::Sent => outbox::Ending::Done,
            Ending::Again { after, reason } => {
                self.again(TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX), reason)
            }
            Ending::Failed { reason } => outbox::Ending::Failed { error: reason },
            Ending::Refused { reason } => outbox::Ending::Refused { error: reason },
        })
    }

    fn again(&self, after: TimeDelta, error: String) -> outbox::Ending {
        outbox::Ending::Retry {
            due_at: self.store.now() + after,
            error,
        }
    }

    async fn finish(&self, parcel: &Leased, ending: &outbox::Ending) -> Result<(), StoreError> {
        let mut tx = self.store.db().tenant_tx(parcel.tenant).await?;
        outbox::end(&mut tx, parcel, ending).await?;
        match ending {
            outbox::Ending::Done => letter::gone(&mut tx, parcel.parcel.id).await?,
            outbox::Ending::Failed { .. }
            | outbox::Ending::Refused { .. }
            | outbox::Ending::Unknown { .. } => {
                outbox::forget_tries(&mut tx, parcel.parcel.id).await?;
            }
            outbox::Ending::Retry { .. } => {}
        }
        tx.commit().await
    }
}

impl<P: Ports> Work for Postman<P> {
    type Item = Leased;

    fn name(&self) -> &'static str {
        letter::CHANNEL
    }

    fn lease(&self) -> Duration {
        self.settings.lease
    }

    async fn due(&self, limit: i64) -> Result<Vec<TenantId>, StoreError> {
        let mut tx = self.store.db().system_tx().await?;
        let due = outbox::due(&mut tx, letter::CHANNEL, &self.store.taker(), limit).await?;
        tx.commit().await?;
        Ok(due.into_iter().map(|due| due.tenant).collect())
    }

    async fn take(&self, tenant: TenantId, limit: i64) -> Result<Vec<Leased>, StoreError> {
        let lease = TimeDelta::from_std(self.settings.lease).unwrap_or(TimeDelta::MAX);
        let (taker, limit) = (self.store.taker(), limit.min(BATCH));
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let parcels = outbox::lease(&mut tx, letter::CHANNEL, &taker, lease, limit).await?;
        tx.commit().await?;
        Ok(parcels)
    }

    fn place(&self, _: &Leased) -> Option<String> {
        None
    }

    async fn give_back(&self, parcel: Leased) {
        let ending = self.again(TimeDelta::zero(), "given back".to_owned());
        if let Err(error) = self.finish(&parcel, &ending).await {
            tracing::warn!(parcel = %parcel.parcel.id, error = chain(&error), "letter not given back");
        }
    }

    async fn handle(&self, parcel: Leased) {
        let done = match self.deliver(&parcel).await {
            Ok(ending) => self.finish(&parcel, &ending).await,
            Err(error) => Err(error),
        };
        // Its lease runs out, and what is written down then decides.
        if let Err(error) = done {
            tracing::warn!(parcel = %parcel.parcel.id, error = chain(&error), "end of a letter not recorded");
        }
    }
}
