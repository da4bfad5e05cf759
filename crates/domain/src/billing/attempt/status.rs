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
    /// Whether the money has come. An attempt that failed or expired may still be paid late.
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Paid | Self::PartiallyRefunded | Self::Refunded | Self::ChargedBack | Self::Reversed => {
                true
            }
            Self::Absent
            | Self::Created
            | Self::CreateFailed
            | Self::Pending
            | Self::Failed
            | Self::Denied
            | Self::Expired
            | Self::Cancelled => false,
        }
    }
}
