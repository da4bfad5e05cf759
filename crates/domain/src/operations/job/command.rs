//! What can be asked of a job.

use chrono::{DateTime, Utc};

use super::{Starter, Task, Why};
use crate::{JobId, SubscriptionId};

/// Commands of `operations.job`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobCommand {
    Start(StartJob),
    /// An item was carried out. Nothing when that is known.
    NoteDone {
        subscription: SubscriptionId,
        at: DateTime<Utc>,
    },
    /// An item was refused, for ever. Nothing when what became of it is known.
    NoteRefused {
        subscription: SubscriptionId,
        why: Why,
        at: DateTime<Utc>,
    },
    /// Nothing more is begun.
    Cancel {
        at: DateTime<Utc>,
    },
}

/// Everything that the job will do, and who wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartJob {
    pub job: JobId,
    pub task: Task,
    /// In the order in which they are carried out, each once.
    pub subscriptions: Vec<SubscriptionId>,
    pub starter: Starter,
    /// What the starter must hold whenever an item is carried out.
    pub permission: String,
    pub at: DateTime<Utc>,
}
