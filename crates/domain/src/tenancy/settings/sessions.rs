//! How long sessions last: those of people at sign-in (SPEC section 3), and between two reports of a subscriber's
//! session, read by RADIUS replies (`Acct-Interim-Interval`, RFC 2869 section 5.16).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InvalidSetting;
use crate::within::Within;

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sessions {
    /// Days after which people sign in again.
    pub staff_days: Within<7, 30>,
    /// Seconds between two accounting reports of a router about one session.
    pub interim_interval_s: Within<60, 3_600>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            staff_days: Within::of::<30>(),
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
