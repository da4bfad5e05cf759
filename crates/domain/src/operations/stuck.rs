//! What can be stuck.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EventId, NoticeId, ParcelId};

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Stuck {
    /// A message that a consumer gave up on.
    DeadLetter { consumer: String, message: EventId },
    /// An event that a subscriber could not handle, and every later one of the same key.
    ParkedKey { subscriber: String, key: String },
    /// An effect outside that failed, or of which nobody knows whether it happened.
    Parcel { parcel: ParcelId },
    /// A convergence that failed for a reason that waiting does not cure.
    Lane { lane: String, subject: String },
    /// A notice from outside that could not have its effect.
    Notice { notice: NoticeId },
}

impl Stuck {
    /// What a person calls it.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::DeadLetter { .. } => "dead letter",
            Self::ParkedKey { .. } => "parked key",
            Self::Parcel { .. } => "parcel",
            Self::Lane { .. } => "lane",
            Self::Notice { .. } => "notice",
        }
    }
}
