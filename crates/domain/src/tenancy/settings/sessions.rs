//! Sessions of subscribers: how long a router waits between two reports of one, read by RADIUS replies
//! (`Acct-Interim-Interval`, RFC 2869 section 5.16).
//!
//! Not here: how long people stay signed in ([`crate::identity::SignInRules`]).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InvalidSetting;
use crate::within::Within;

/// Sessions of subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sessions {
    /// Seconds between two accounting reports of a router about one session.
    pub interim_interval_s: Within<60, 3_600>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            interim_interval_s: Within::of::<300>(),
        }
    }
}

impl Sessions {
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "every section is checked alike"
    )]
    pub(super) const fn check(self) -> Result<(), InvalidSetting> {
        Ok(())
    }
}
