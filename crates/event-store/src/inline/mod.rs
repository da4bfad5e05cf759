//! Inline tables: rows that change in the same transaction as events, behind typed functions.
//!
//! Adapters and roles reach the database only through these. A row is a key, a state and a due time; what it is
//! about is a set of texts that the caller chose. Every function takes a tenant's transaction.

pub mod access;
pub mod backlog;
pub mod budget;
pub mod claim;
mod counter;
pub mod dead_letter;
pub mod directory;
pub mod erasure;
pub mod health;
pub mod identity;
pub(crate) mod idle;
pub mod inbox;
pub mod lane;
mod lease;
pub mod member;
pub mod notice;
pub mod outbox;
pub mod quota;
pub mod radius;
pub mod seat;
pub(crate) mod stretch;
pub mod stuck;
pub mod timer;

pub(crate) use counter::{next as next_number, take as take_numbers};
pub use lease::{Room, Taker};
pub use stretch::Stretch;

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::{
    CommandId, CorrelationId, CustomerId, NoticeId, TenantId, TimerId, UserId, operations::Stuck,
};
use uuid::Uuid;

use crate::{StoreError, db::TenantTx, vault};

/// Who waits for work of a kind, found by the system role without seeing any body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub tenant: TenantId,
    pub due_at: DateTime<Utc>,
}

/// What a row of work came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    pub cause: Uuid,
    pub correlation: CorrelationId,
}

fn origin(cause: Option<Uuid>, correlation: Option<Uuid>) -> Option<Origin> {
    Some(Origin {
        cause: cause?,
        correlation: CorrelationId::new(correlation?),
    })
}

/// A row written in the transaction of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Inline {
    ScheduleTimer(timer::Timer),
    /// See [`timer::guard`].
    GuardTimer {
        timer: timer::Timer,
        taker: Taker,
        duration: TimeDelta,
    },
    CompleteTimer(TimerId),
    Send(outbox::Parcel),
    /// A notice has been handled; `outcome` is shown to operators.
    NoticeDone {
        notice: NoticeId,
        outcome: String,
    },
    Route(directory::Route),
    TenantAccess(access::TenantAccess),
    ActorAccess {
        actor: UserId,
        permissions: Vec<String>,
        version: i64,
    },
    /// See [`access::link_customer`].
    CustomerLink {
        actor: UserId,
        customer: Option<CustomerId>,
    },
    /// The maximum of a counted limit; `None` is unlimited. Never refused: an existing excess stays.
    QuotaMax {
        resource: String,
        max: Option<i64>,
    },
    /// Has something stuck tried again from `at` on.
    Reopen {
        stuck: Stuck,
        at: DateTime<Utc>,
    },
    /// Gives something stuck up.
    Discard(Stuck),
    /// The command of this work appended nothing: its record is kept for a while only.
    Idle {
        command: CommandId,
        at: DateTime<Utc>,
    },
    /// Destroys the key of a subject: its personal data cannot be read from the commit on.
    DestroyKey {
        subject: String,
    },
    Identity(identity::Change),
    /// What records of a router changed.
    Radius(radius::Change),
    /// Gives a key of the directory back.
    Unroute {
        kind: String,
        key: String,
    },
    /// Destroys every key of the tenant and closes its log after the events of this work, `events` in number.
    EraseTenant {
        events: i64,
    },
}

/// Writes rows in their order: timers that follow each other in one statement.
pub(crate) async fn write(rows: &[Inline], tx: &mut TenantTx) -> Result<(), StoreError> {
    for alike in rows.chunk_by(|one, next| std::mem::discriminant(one) == std::mem::discriminant(next)) {
        let (put, done): (Vec<&timer::Timer>, Vec<TimerId>) = match alike {
            [Inline::ScheduleTimer(_), _, ..] => {
                (alike.iter().filter_map(Inline::scheduled).collect(), Vec::new())
            }
            [Inline::CompleteTimer(_), _, ..] => {
                (Vec::new(), alike.iter().filter_map(Inline::completed).collect())
            }
            _ => {
                for row in alike {
                    row.write(tx).await?;
                }
                continue;
            }
        };
        timer::schedule_all(tx, &put).await?;
        timer::complete_all(tx, &done).await?;
    }
    Ok(())
}

impl Inline {
    const fn scheduled(&self) -> Option<&timer::Timer> {
        match self {
            Self::ScheduleTimer(timer) => Some(timer),
            _ => None,
        }
    }

    const fn completed(&self) -> Option<TimerId> {
        match self {
            Self::CompleteTimer(id) => Some(*id),
            _ => None,
        }
    }

    async fn write(&self, tx: &mut TenantTx) -> Result<(), StoreError> {
        match self {
            Self::ScheduleTimer(timer) => timer::schedule(tx, timer).await,
            Self::GuardTimer {
                timer,
                taker,
                duration,
            } => timer::guard(tx, timer, taker, *duration).await,
            Self::CompleteTimer(id) => timer::complete(tx, *id).await,
            Self::Send(parcel) => outbox::put(tx, parcel).await,
            Self::NoticeDone { notice, outcome } => notice::done(tx, *notice, outcome).await,
            Self::Route(route) => directory::put(tx, route).await,
            Self::TenantAccess(facts) => access::set_tenant(tx, facts).await,
            Self::ActorAccess {
                actor,
                permissions,
                version,
            } => access::set_actor(tx, *actor, permissions, *version).await,
            Self::CustomerLink { actor, customer } => access::link_customer(tx, *actor, *customer).await,
            Self::QuotaMax { resource, max } => access::set_quota_max(tx, resource, *max).await,
            Self::Reopen { stuck, at } => stuck::reopen(tx, stuck, *at).await,
            Self::Discard(stuck) => stuck::discard(tx, stuck).await,
            Self::Idle { command, at } => idle::note(tx, *command, *at).await,
            Self::DestroyKey { subject } => vault::destroy(tx, subject).await,
            Self::Identity(change) => change.write(tx).await,
            Self::Radius(change) => radius::write(tx, change).await,
            Self::Unroute { kind, key } => directory::remove(tx, kind, key).await,
            Self::EraseTenant { events } => erasure::begin(tx, *events).await,
        }
    }
}
