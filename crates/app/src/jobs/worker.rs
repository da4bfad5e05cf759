//! Drives jobs: a timer of each fires until it is over, and each time some of its items are carried out.
//!
//! Any number of processes may drive one job, and any of them may die: whose turn it is, is read, and an item's command
//! has an id of its own.

use simpul_domain::{
    Code, Coded as _, CommandId, CorrelationId, JobId, SubscriptionId,
    operations::{
        Job,
        job::{Starter, Why},
    },
};
use simpul_event_store::{
    Actor, Bus, Cause, Command, Context, DispatchError, StoreError,
    crash::{self, Point},
    inline::{identity::api_key, timer::Fired},
};

use super::{CarryOut, NoteRefused, why};
use crate::{Refusal, subscriptions::ChangeSubscription};

/// Items that are carried out before the timers of others have their turn.
const PORTION: usize = 20;
/// Tries after which an item that cannot be decided is one that was refused: the others wait for it.
const PATIENCE: i32 = 8;

/// What became of a job when its timer fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Went {
    /// There is more to do.
    On,
    /// It is over, or its tenant is.
    Over,
    /// Something is in the way, perhaps not for ever.
    NotNow { error: String },
}

/// Carries out the items of jobs.
#[derive(Debug, Clone)]
pub struct Jobs {
    bus: Bus,
    portion: usize,
}

/// Why an item was not carried out.
enum Stopped {
    /// What its starter or its operator may not do any more.
    Refused(Why),
    /// Its log has ended.
    Closed,
    NotNow(DispatchError<Refusal>),
}

impl Jobs {
    pub const fn new(bus: Bus) -> Self {
        Self {
            bus,
            portion: PORTION,
        }
    }

    /// With so many items each time.
    #[must_use]
    pub fn by(self, portion: usize) -> Self {
        Self { portion, ..self }
    }

    /// Carries out the next items.
    pub async fn go_on(&self, fired: &Fired, job: JobId) -> Went {
        let id = job.to_string();
        let loaded = self.bus.store().load::<Job>(fired.tenant, &id);
        let state = match loaded.await {
            Ok((state, _)) => state,
            Err(error) => return not_now(&error),
        };
        let Some(starter) = state.starter() else {
            return Went::Over;
        };
        let mut next = state.next();
        for _ in 0..self.portion {
            let Some(subscription) = next else {
                return Went::Over;
            };
            let item = Item {
                fired,
                job,
                subscription,
            };
            next = match self.carry_out(&item, starter).await {
                Ok(next) => next,
                Err(Stopped::Closed) => return Went::Over,
                Err(Stopped::Refused(why)) => match self.note_refused(&item, why).await {
                    Ok(next) => next,
                    Err(error) => return not_now(&error),
                },
                Err(Stopped::NotNow(error)) => return not_now(&error),
            };
            crash::point(Point::JobItemDone);
        }
        if next.is_some() { Went::On } else { Went::Over }
    }

    /// In the name of the starter, as the bus lets them.
    async fn carry_out(&self, item: &Item<'_>, starter: Starter) -> Result<Option<SubscriptionId>, Stopped> {
        let actor = match self.actor(item, starter).await {
            Ok(actor) => actor,
            Err(error) => return Err(Stopped::NotNow(DispatchError::Store(error))),
        };
        let context = Context {
            actor,
            impersonator: starter.impersonator,
            ..item.context("")
        };
        let command = CarryOut {
            job: item.job,
            subscription: item.subscription,
        };
        let error = match self.bus.dispatch(context, command).await {
            Ok(receipt) => return Ok(receipt.answer),
            Err(error) => error,
        };
        Err(match error {
            DispatchError::Store(StoreError::Closed) => Stopped::Closed,
            DispatchError::Refused(_)
            | DispatchError::PanelLocked
            | DispatchError::FeatureDisabled(_)
            | DispatchError::Forbidden(_)
            | DispatchError::KeyReused
            | DispatchError::Store(StoreError::Taken { .. } | StoreError::QuotaExceeded { .. }) => {
                Stopped::Refused(why(&error))
            }
            DispatchError::Store(_) if item.fired.attempts > PATIENCE && is_its_own(error.code()) => {
                Stopped::Refused(why(&error))
            }
            DispatchError::NoTenant | DispatchError::Store(_) => Stopped::NotNow(error),
        })
    }

    /// A key that was revoked or has expired since allows nothing.
    async fn actor(&self, item: &Item<'_>, starter: Starter) -> Result<Actor, StoreError> {
        let Starter { user, key, .. } = starter;
        let Some(key) = key else {
            return Ok(Actor::User(user));
        };
        let store = self.bus.store();
        let mut tx = store.db().tenant_tx(item.fired.tenant).await?;
        let is_good = api_key::is_good(&mut tx, key, store.now()).await?;
        tx.commit().await?;
        let scope = ChangeSubscription::ACCESS.permission.to_owned();
        Ok(Actor::Key {
            user,
            key,
            scopes: is_good.then_some(scope).into_iter().collect(),
        })
    }

    async fn note_refused(
        &self,
        item: &Item<'_>,
        why: Why,
    ) -> Result<Option<SubscriptionId>, DispatchError<Refusal>> {
        tracing::info!(job.id = %item.job, code = why.code, "an item of a job was refused");
        let command = NoteRefused {
            job: item.job,
            subscription: item.subscription,
            why,
        };
        let noted = self.bus.dispatch(item.context("/refused"), command).await?;
        Ok(noted.answer)
    }
}

/// Whether what went wrong is the item's, and not that of everything that needs the database.
fn is_its_own(code: Code) -> bool {
    matches!(code, Code::Conflict | Code::InternalError)
}

fn not_now(error: &impl std::fmt::Display) -> Went {
    Went::NotNow {
        error: error.to_string(),
    }
}

/// An item whose turn it is, and the timer that says so.
struct Item<'f> {
    fired: &'f Fired,
    job: JobId,
    subscription: SubscriptionId,
}

impl Item<'_> {
    /// One id for each item of each job, whoever drives it and how often.
    fn context(&self, part: &str) -> Context {
        let timer = &self.fired.timer;
        let correlation = timer.origin.map_or_else(
            || CorrelationId::new(timer.id.as_uuid()),
            |origin| origin.correlation,
        );
        let cause = Cause::Timer(timer.id);
        Context {
            command_id: CommandId::derive(self.job.as_uuid(), &format!("{}{part}", self.subscription)),
            ..Context::caused(self.fired.tenant, "job", cause, correlation, 0)
        }
    }
}
