//! RADIUS accounting: what routers tell becomes rows, samples and events in one transaction.
//!
//! The decisions are `simpul_domain::accounting`'s. Here is what they stand on: whose line a user name is, who calls again,
//! which sessions a record may end. INVARIANT: user name, device and address of a caller leave this module sealed or as a
//! keyed hash, never in clear (ADR 5). Not here: RADIUS and its JSON (adapters).

mod book;
mod recording;
mod upkeep;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    RouterId,
    accounting::{Kind, Reading},
};

pub use self::{
    recording::{RecordAccounting, Taken},
    upkeep::{SweepSessions, Upkeep},
};
use crate::Personal;

/// What is known of who calls, sealed: field of a customer or a router.
pub const WHO_FIELD: &str = "radius.who";
/// Scope of the keyed hash by which a caller is known again.
const CALLER_SCOPE: &str = "radius.caller";

/// One record of a router, as it was heard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    pub router: RouterId,
    /// When it was so, by the router.
    pub at: DateTime<Utc>,
    pub heard_at: DateTime<Utc>,
    pub what: What,
}

/// See [`Told`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Session(Box<SessionTold>),
    On,
    Off,
}

/// What a record says about a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionTold {
    /// `Acct-Unique-Session-Id`.
    pub unique_id: String,
    pub kind: Kind,
    pub reading: Option<Reading>,
    pub user: Option<Personal>,
    /// `Calling-Station-Id`: the device.
    pub station: Option<Personal>,
    /// `Framed-IP-Address`.
    pub address: Option<Personal>,
}
