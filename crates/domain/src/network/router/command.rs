//! What can be asked of a router.

use chrono::{DateTime, Utc};

use super::RouterAddress;
use crate::{RouterId, Sealed};

/// Commands of `network.router`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouterCommand {
    Register(Box<RegisterRouter>),
    /// Host, port or TLS mode change only together with the secret: otherwise whoever may edit an address
    /// could have the stored password sent to a host of their own.
    ChangeAddress {
        address: RouterAddress,
        username: String,
        password: Sealed,
        at: DateTime<Utc>,
    },
    /// What the router said about itself.
    RecordIdentity {
        serial: Option<String>,
        identity: String,
        version: String,
        at: DateTime<Utc>,
    },
    /// `lines`: how many are on it.
    Retire {
        lines: usize,
        at: DateTime<Utc>,
    },
}

/// A new router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterRouter {
    pub router: RouterId,
    pub name: String,
    pub address: RouterAddress,
    pub username: String,
    pub password: Sealed,
    /// Use the challenge login of versions before 6.43.
    pub legacy_login: bool,
    pub at: DateTime<Utc>,
}
