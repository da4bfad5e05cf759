//! Outcomes that a lane reports.

use chrono::{DateTime, Utc};

use super::{Access, FailureKind};
use crate::{RouterId, SubscriptionId, network::Sha256Hex};

/// Commands of `network.provisioning`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvisioningCommand {
    RecordConfirmed(RecordConfirmed),
    RecordFailed(RecordFailed),
}

/// The router was read back and is as wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordConfirmed {
    pub subscription: SubscriptionId,
    pub router: RouterId,
    pub desired_version: u64,
    /// What the desired state gives the customer.
    pub access: Access,
    /// SHA-256 of the canonical desired state.
    pub desired_hash: Sha256Hex,
    /// SHA-256 of the same canonical form of what was read back.
    pub observed_hash: Sha256Hex,
    /// Tries that this version took, from 1.
    pub attempt: u32,
    pub at: DateTime<Utc>,
}

/// The router is not as wanted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordFailed {
    pub subscription: SubscriptionId,
    pub router: RouterId,
    pub desired_version: u64,
    pub kind: FailureKind,
    pub attempt: u32,
    pub next_try_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}
