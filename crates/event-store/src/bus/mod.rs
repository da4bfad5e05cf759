//! The command bus: one chain for GraphQL, webhooks, policies, workers and the command line.
//!
//! tenant usable → feature → permission → decide → append. A command runs in a task of its own, so that a client
//! that goes away drops the waiter and never the transaction. A conflict is retried here and nowhere else: three
//! times, by deciding again. One command id has one effect, for ever; its answer is kept.

mod context;
pub(crate) mod origin;
mod retention;

use std::{sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use simpul_domain::{Code, Coded, TenantId};
use tokio_util::task::TaskTracker;

use self::origin::Origin;
pub use self::{
    context::{Actor, Cause, Context},
    origin::field,
    retention::Retention,
};
use crate::{
    EventStore, StoreError,
    inline::{
        Inline,
        access::{self, Admitted, Gate},
    },
    store::{Outcome, Work, canonical::CanonicalJson},
};

/// How often a decision is made again when others were faster.
pub const MAX_CONFLICT_RETRIES: u32 = 3;
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// What a command needs before it may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// A feature that the tenant must have, if any.
    pub feature: Option<&'static str>,
    /// A permission that a user must hold, such as `billing.write`.
    pub permission: &'static str,
    /// Whether it stays allowed while the tenant's panel is locked (paying is).
    pub when_locked: bool,
    /// Whether it may run before the tenant exists (onboarding, by the platform).
    pub founding: bool,
}

impl Access {
    /// The usual case: a permission and nothing else.
    pub const fn permission(permission: &'static str) -> Self {
        Self {
            feature: None,
            permission,
            when_locked: false,
            founding: false,
        }
    }
}

/// A use case: what it needs, and how it turns a unit of work into an answer.
///
/// `run` may be called several times and must take everything from the work, the command and the context.
/// The serialised command is its fingerprint: the same command id with another input is refused.
pub trait Command: Serialize + Send + Sync + 'static {
    /// Stored in the metadata of its events, such as `invoice.issue`.
    const NAME: &'static str;
    const ACCESS: Access;
    /// Whether a run that appends no event leaves no record: a repetition finds what the first one did in its own rows. For
    /// what comes often and from machines.
    const UNRECORDED: bool = false;
    type Answer: Serialize + DeserializeOwned + Send + 'static;
    type Refusal: std::error::Error + Coded + Send + Sync + 'static;

    /// The version of what it is about, 0 of what does not exist. Only commands that say it can be told which version is
    /// expected.
    fn version(&self, _: &mut Work<'_>) -> impl Future<Output = Result<i64, StoreError>> + Send {
        std::future::ready(Err(StoreError::Unversioned))
    }

    fn run(
        &self,
        work: &mut Work<'_>,
    ) -> impl Future<Output = Result<Self::Answer, Failure<Self::Refusal>>> + Send;
}

/// Why `run` did not come to an answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure<R> {
    #[error(transparent)]
    Refused(R),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<R> Failure<R> {
    /// Maps a refusal of one aggregate into the command's own.
    pub fn refused<E: Into<R>>(error: crate::store::DecideError<E>) -> Self {
        match error {
            crate::store::DecideError::Refused(refusal) => Self::Refused(refusal.into()),
            crate::store::DecideError::Store(error) => Self::Store(error),
        }
    }
}

/// Why a command had no effect.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError<R> {
    /// The domain refuses; a person can do something about it.
    #[error(transparent)]
    Refused(R),
    #[error("the tenant does not exist or is deactivated")]
    NoTenant,
    #[error("the panel is locked until the platform invoice is paid")]
    PanelLocked,
    #[error("the feature {0} is not enabled")]
    FeatureDisabled(&'static str),
    #[error("the permission {0} is missing")]
    Forbidden(&'static str),
    #[error("the idempotency key was used with another input")]
    KeyReused,
    #[error(transparent)]
    Store(StoreError),
}

impl<R: Coded> Coded for DispatchError<R> {
    fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::NoTenant => Code::NotFound,
            Self::PanelLocked => Code::PanelLocked,
            Self::FeatureDisabled(_) => Code::FeatureDisabled,
            Self::Forbidden(_) => Code::Forbidden,
            Self::KeyReused => Code::IdempotencyKeyReused,
            Self::Store(error) => error.code(),
        }
    }

    fn params(&self) -> Value {
        match self {
            Self::Refused(refusal) => refusal.params(),
            Self::FeatureDisabled(feature) => json!({ "feature": feature }),
            Self::Forbidden(permission) => json!({ "permission": permission }),
            Self::Store(error) => error.params(),
            Self::NoTenant | Self::PanelLocked | Self::KeyReused => Value::Null,
        }
    }
}

/// What an accepted command gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt<A> {
    pub answer: A,
    /// Where the tenant's log stood after the effect; `None` for a dry run, and for one that left no record.
    pub token: Option<ConsistencyToken>,
    /// The command had taken effect before; this is its first answer. Of a dry run: there is nothing to do.
    pub repeated: bool,
}

/// "At least as new as this": opaque to clients, bound to the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsistencyToken {
    pub tenant: TenantId,
    pub seq: i64,
}

impl std::fmt::Display for ConsistencyToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.tenant, self.seq)
    }
}

impl std::str::FromStr for ConsistencyToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let (tenant, seq) = text.rsplit_once('.').ok_or(InvalidToken)?;
        let seq = seq
            .parse()
            .ok()
            .filter(|&seq: &i64| seq >= 0)
            .ok_or(InvalidToken)?;
        Ok(Self {
            tenant: tenant.parse().map_err(|_| InvalidToken)?,
            seq,
        })
    }
}

/// A text that is no consistency token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a consistency token")]
pub struct InvalidToken;

/// Runs commands. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus {
    store: EventStore,
    running: TaskTracker,
}

impl Bus {
    pub fn new(store: EventStore) -> Self {
        Self {
            store,
            running: TaskTracker::new(),
        }
    }

    pub const fn store(&self) -> &EventStore {
        &self.store
    }

    /// Waits until every running command has ended. New ones are still accepted.
    pub async fn drain(&self) {
        self.running.close();
        self.running.wait().await;
        self.running.reopen();
    }

    /// Runs a command to its end, whether or not the caller waits for it.
    pub async fn dispatch<C: Command>(
        &self,
        context: Context,
        command: C,
    ) -> Result<Receipt<C::Answer>, DispatchError<C::Refusal>> {
        self.dispatch_admitted(context, None, command).await
    }

    /// Like [`Bus::dispatch`], by somebody of whom it was read when their request began what the bus asks. Not for a command
    /// with a key of the client's, which may be a repeat.
    pub async fn dispatch_admitted<C: Command>(
        &self,
        context: Context,
        admitted: Option<Admitted>,
        command: C,
    ) -> Result<Receipt<C::Answer>, DispatchError<C::Refusal>> {
        let store = self.store.clone();
        let command = Arc::new(command);
        let task = self.running.spawn(async move {
            let run = run(&store, &context, admitted, command.as_ref());
            let given_up = |error| Err(DispatchError::Store(error));
            store.db().or_given_up(run).await.unwrap_or_else(given_up)
        });
        task.await
            .unwrap_or(Err(DispatchError::Store(StoreError::Aborted)))
    }
}

async fn run<C: Command>(
    store: &EventStore,
    context: &Context,
    admitted: Option<Admitted>,
    command: &C,
) -> Result<Receipt<C::Answer>, DispatchError<C::Refusal>> {
    let fingerprint = fingerprint(context, command)?;
    let actor = context.actor.user();
    let admitted = admitted
        .filter(|Admitted { caller, .. }| caller.tenant == context.tenant && Some(caller.actor) == actor);
    let gate = match admitted {
        Some(admitted) => admitted.gate,
        None => gate(store, context, actor).await?,
    };
    if let Some(answer) = earlier_answer::<C>(context, &gate, &fingerprint)? {
        return Ok(answer);
    }
    check::<C>(&gate, &context.actor)?;
    // Who only asks leaves nothing, nor a key that was made to seal from where.
    let origin = if context.dry_run {
        Origin::default()
    } else {
        origin::sealed(store, context, &gate)
            .await
            .map_err(DispatchError::Store)?
    };
    let from = From {
        origin,
        tenant_key: gate.tenant_key,
    };
    let mut attempt = 0;
    loop {
        // The first decision is made on what this process remembers; the append finds out whether that still holds.
        let recalls = attempt == 0;
        let error = match run_once(store, (context, &from), command, &fingerprint, recalls).await {
            Err(DispatchError::Store(error)) => error,
            other => return other,
        };
        // What is in the way may be this command's own twin: then its answer is ours.
        if lost_a_race(&error) {
            let gate = self::gate(store, context, actor).await?;
            if let Some(answer) = earlier_answer::<C>(context, &gate, &fingerprint)? {
                return Ok(answer);
            }
        }
        if !matches!(error, StoreError::Conflict) || attempt == MAX_CONFLICT_RETRIES {
            return Err(DispatchError::Store(error));
        }
        attempt += 1;
        tokio::time::sleep(RETRY_PAUSE * attempt).await;
    }
}

const fn lost_a_race(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Conflict
            | StoreError::Repeated
            | StoreError::Taken { .. }
            | StoreError::QuotaExceeded { .. }
            | StoreError::Stale { .. }
    )
}

async fn gate<R>(
    store: &EventStore,
    context: &Context,
    actor: Option<simpul_domain::UserId>,
) -> Result<Gate, DispatchError<R>> {
    let subject = context.seals_as();
    access::gate(
        store.db(),
        context.tenant,
        actor,
        context.command_id,
        subject.as_deref(),
    )
    .await
    .map_err(DispatchError::Store)
}

fn check<C: Command>(gate: &Gate, actor: &Actor) -> Result<(), DispatchError<C::Refusal>> {
    let access = C::ACCESS;
    let is_user = actor.user().is_some();
    if access.founding {
        // Only the product itself founds tenants; the platform's own command reaches this through a policy.
        return if is_user {
            Err(DispatchError::Forbidden(access.permission))
        } else {
            Ok(())
        };
    }
    // A deactivated tenant's people do not get in; money that arrives is still booked, and its platform can switch it
    // on again. The log of an erased one is closed by the store.
    if !gate.known || (is_user && gate.access.disabled) {
        return Err(DispatchError::NoTenant);
    }
    if let Some(feature) = access.feature
        && !gate.access.features.iter().any(|enabled| enabled == feature)
    {
        return Err(DispatchError::FeatureDisabled(feature));
    }
    // Policies and workers go on while the panel is locked: routers, RADIUS and customers keep running.
    if is_user && gate.access.panel_locked && !access.when_locked {
        return Err(DispatchError::PanelLocked);
    }
    if is_user && !actor.may(access.permission, &gate.permissions) {
        return Err(DispatchError::Forbidden(access.permission));
    }
    Ok(())
}

fn earlier_answer<C: Command>(
    context: &Context,
    gate: &Gate,
    fingerprint: &[u8],
) -> Result<Option<Receipt<C::Answer>>, DispatchError<C::Refusal>> {
    let Some(earlier) = &gate.earlier else {
        return Ok(None);
    };
    if earlier.fingerprint != fingerprint {
        return Err(DispatchError::KeyReused);
    }
    let answer = serde_json::from_value(earlier.answer.clone())
        .map_err(|error| DispatchError::Store(StoreError::Unwritable(error)))?;
    let token = ConsistencyToken {
        tenant: context.tenant,
        seq: earlier.last_seq,
    };
    Ok(Some(Receipt {
        answer,
        token: Some(token),
        repeated: true,
    }))
}

/// What the gate has found out about whoever commands.
struct From {
    origin: Origin,
    tenant_key: Option<Vec<u8>>,
}

impl From {
    fn put<'s>(&'s self, work: Work<'s>) -> Work<'s> {
        work.from(&self.origin).sealing_with(self.tenant_key.as_deref())
    }
}

async fn run_once<C: Command>(
    store: &EventStore,
    (context, from): (&Context, &From),
    command: &C,
    fingerprint: &[u8],
    recalls: bool,
) -> Result<Receipt<C::Answer>, DispatchError<C::Refusal>> {
    let mut work = if recalls {
        Work::recalling(store, context)
    } else {
        Work::new(store, context)
    };
    work = from.put(work);
    let mut ran = decide(command, &mut work).await;
    // Nothing would be compared with the log: what it says is asked.
    let unchecked = ran.is_err() || context.dry_run || work.staged().is_empty();
    if unchecked && work.recalled() {
        work = from.put(Work::new(store, context));
        ran = decide(command, &mut work).await;
    }
    let answer = ran.map_err(|failure| match failure {
        Failure::Refused(refusal) => DispatchError::Refused(refusal),
        Failure::Store(error) => DispatchError::Store(error),
    })?;
    if context.dry_run {
        return Ok(Receipt {
            answer,
            token: None,
            repeated: work.staged().is_empty(),
        });
    }
    if C::UNRECORDED && work.staged().is_empty() {
        work.commit_rows().await.map_err(DispatchError::Store)?;
        return Ok(Receipt {
            answer,
            token: None,
            repeated: false,
        });
    }
    // A person's command answers the same for ever, also when there was nothing to do.
    if matches!(context.actor, Actor::System(_)) && work.staged().is_empty() {
        let (command, at) = (context.command_id, work.at());
        work.inline(Inline::Idle { command, at });
    }
    let stored =
        serde_json::to_value(&answer).map_err(|error| DispatchError::Store(StoreError::Unwritable(error)))?;
    let Outcome { seq, .. } = work
        .commit(C::NAME, fingerprint, &stored)
        .await
        .map_err(DispatchError::Store)?;
    Ok(Receipt {
        answer,
        token: Some(ConsistencyToken {
            tenant: context.tenant,
            seq,
        }),
        repeated: false,
    })
}

/// Runs a command for whoever has seen the newest version of what it is about, or did not say which.
async fn decide<C: Command>(command: &C, work: &mut Work<'_>) -> Result<C::Answer, Failure<C::Refusal>> {
    if let Some(expected) = work.context().expected_version {
        let current = command.version(work).await?;
        if current != expected {
            // What does not exist is refused as such.
            if current == 0 {
                command.run(work).await?;
            }
            return Err(StoreError::Stale { current }.into());
        }
    }
    command.run(work).await
}

fn fingerprint<C: Command>(context: &Context, command: &C) -> Result<[u8; 32], DispatchError<C::Refusal>> {
    #[derive(Serialize)]
    struct Run<'a, C> {
        command: &'a str,
        input: &'a C,
        #[serde(skip_serializing_if = "Option::is_none")]
        expected_version: Option<i64>,
    }
    let run = Run {
        command: C::NAME,
        input: command,
        expected_version: context.expected_version,
    };
    let json = CanonicalJson::of(&run).map_err(|error| DispatchError::Store(error.into()))?;
    Ok(json.sha256())
}
