//! How somebody gets in, stays in and gets out: proofs are compared here, what follows from them is a command.
//!
//! - `visit`: a request of somebody who has no token: in, on, and what letters are good for;
//! - `limits`: how often one may try, by address and by account, on all instances together;
//! - `grants`: tokens for a session that has begun;
//! - `account`: what a signed-in user does with their own proofs.
//!
//! INVARIANT: an answer does not tell whether somebody exists. An unknown user takes as long as a known one, and is
//! held up like one.

pub(crate) mod account;
pub(crate) mod grants;
pub(crate) mod limits;
pub(crate) mod visit;

use chrono::TimeDelta;
use simpul_app::identity::Hasher;
use simpul_event_store::inline::identity::address::BlockRule;

use crate::budget::Rate;

/// What an installation can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentitySettings {
    /// Attempts of one network to prove anything.
    pub attempts: Rate,
    /// When a network is blocked.
    pub block: BlockRule,
    pub access_lifetime: TimeDelta,
    /// From the sign-in on, however often it is prolonged.
    pub session_lifetime: TimeDelta,
}

impl Default for IdentitySettings {
    /// SPEC section 3; `facts/reliability.md` 4.8 and 4.9.
    fn default() -> Self {
        Self {
            attempts: Rate {
                capacity: 5,
                per_minute: 5,
            },
            block: BlockRule::default(),
            access_lifetime: TimeDelta::minutes(15),
            session_lifetime: TimeDelta::days(30),
        }
    }
}

/// What the front door needs to let people in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Identity {
    pub hasher: Hasher,
    pub settings: IdentitySettings,
}
