//! Where an attempt stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an attempt stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AttemptStatus {
    #[default]
    Absent,
    /// The gateway has not been asked, or has not answered.
    Created,
    CreateFailed,
    /// The payer can pay.
    Pending,
    Failed,
    Denied,
    Expired,
    Cancelled,
    Paid,
    PartiallyRefunded,
    Refunded,
    ChargedBack,
    Reversed,
}

impl fmt::Display for AttemptStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "ABSENT",
            Self::Created => "CREATED",
            Self::CreateFailed => "CREATE_FAILED",
            Self::Pending => "PENDING",
            Self::Failed => "FAILED",
            Self::Denied => "DENIED",
            Self::Expired => "EXPIRED",
            Self::Cancelled => "CANCELLED",
            Self::Paid => "PAID",
            Self::PartiallyRefunded => "PARTIALLY_REFUNDED",
            Self::Refunded => "REFUNDED",
            Self::ChargedBack => "CHARGED_BACK",
            Self::Reversed => "REVERSED",
        })
    }
}

impl AttemptStatus {
    /// Where an attempt stands whose checkout becomes known: a notice that overtook it is not unsaid.
    #[must_use]
    pub const fn with_checkout(self) -> Self {
        match self {
            Self::Absent | Self::Created | Self::CreateFailed => Self::Pending,
            known => known,
        }
    }
}
