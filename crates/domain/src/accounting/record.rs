//! One record of a router, as it is decided on.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Reading;
use crate::{RadiusSessionId, Sealed, SubscriptionId};

/// A router's clock is not believed when it says that something was so long ago: it has just started, and does not know
/// what time it is. Nor when it says that something is yet to be.
const BELIEVED: TimeDelta = TimeDelta::days(7);

/// When something was that a router tells, as far as that can be believed.
pub fn believed(at: DateTime<Utc>, heard_at: DateTime<Utc>) -> DateTime<Utc> {
    if (heard_at - BELIEVED..=heard_at).contains(&at) {
        at
    } else {
        heard_at
    }
}

/// Who dialled in from which device at which router: a keyed hash, equal where all three are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Caller(String);

impl Caller {
    /// Wraps what the vault produced.
    pub const fn new(index: String) -> Self {
        Self(index)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a record of a session says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Kind {
    Start,
    Interim,
    Stop { cause: Cause },
}

/// A record of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub session: RadiusSessionId,
    pub kind: Kind,
    /// When it was so at the router. Records are ordered by it, not by their arrival.
    pub at: DateTime<Utc>,
    /// When it came here.
    pub heard_at: DateTime<Utc>,
    pub reading: Option<Reading>,
    /// None where the record does not say enough to know the caller again.
    pub caller: Option<Caller>,
    /// The line whose user name it is at this router.
    pub line: Option<SubscriptionId>,
    /// User name, device and address, for people who ask; never decided on.
    pub who: Option<Sealed>,
}

/// `Accounting-On` and `Accounting-Off`: the router has begun anew or is about to, and holds no session any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NasRecord {
    pub at: DateTime<Utc>,
    pub heard_at: DateTime<Utc>,
}

macro_rules! causes {
    ($($(#[doc = $doc:literal])* $cause:ident = $number:literal, $name:literal, $stored:literal;)+) => {
        /// Why a session ended: what a router says (RFC 2866 section 5.10), and what is concluded where it says nothing.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Cause {
            $($(#[doc = $doc])* $cause,)+
            /// The router gave no reason, or one that RFC 2866 does not know.
            Unknown,
            /// The same caller began a newer session: the end of this one was never told.
            Superseded,
            /// Nothing was heard of it any more while its router told of others.
            Lost,
        }

        impl Cause {
            /// As it is stored.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$cause => $stored,)+
                    Self::Unknown => "unknown",
                    Self::Superseded => "superseded",
                    Self::Lost => "lost",
                }
            }

            /// As it was stored; what a later release has stored is not known.
            pub fn of_stored(stored: &str) -> Self {
                match stored {
                    $($stored => Self::$cause,)+
                    "superseded" => Self::Superseded,
                    "lost" => Self::Lost,
                    _ => Self::Unknown,
                }
            }

            /// By its number on the wire.
            pub const fn of_number(number: u64) -> Self {
                match number {
                    $($number => Self::$cause,)+
                    _ => Self::Unknown,
                }
            }

            /// By its name in FreeRADIUS' dictionary.
            pub fn of_name(name: &str) -> Self {
                match name {
                    $($name => Self::$cause,)+
                    _ => Self::Unknown,
                }
            }
        }
    };
}

causes! {
    UserRequest = 1, "User-Request", "user_request";
    LostCarrier = 2, "Lost-Carrier", "lost_carrier";
    LostService = 3, "Lost-Service", "lost_service";
    IdleTimeout = 4, "Idle-Timeout", "idle_timeout";
    SessionTimeout = 5, "Session-Timeout", "session_timeout";
    AdminReset = 6, "Admin-Reset", "admin_reset";
    AdminReboot = 7, "Admin-Reboot", "admin_reboot";
    PortError = 8, "Port-Error", "port_error";
    NasError = 9, "NAS-Error", "nas_error";
    NasRequest = 10, "NAS-Request", "nas_request";
    NasReboot = 11, "NAS-Reboot", "nas_reboot";
    PortUnneeded = 12, "Port-Unneeded", "port_unneeded";
    PortPreempted = 13, "Port-Preempted", "port_preempted";
    PortSuspended = 14, "Port-Suspended", "port_suspended";
    ServiceUnavailable = 15, "Service-Unavailable", "service_unavailable";
    Callback = 16, "Callback", "callback";
    UserError = 17, "User-Error", "user_error";
    HostRequest = 18, "Host-Request", "host_request";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_has_just_started_or_runs_ahead_is_not_believed() {
        let heard_at = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        assert_eq!(believed(DateTime::UNIX_EPOCH, heard_at), heard_at);
        assert_eq!(believed(heard_at + TimeDelta::days(400), heard_at), heard_at);
        let spooled = heard_at - TimeDelta::days(2);
        assert_eq!(believed(spooled, heard_at), spooled);
    }

    #[test]
    fn a_cause_is_stored_as_it_is_in_the_log() {
        for number in 0..20 {
            let cause = Cause::of_number(number);
            assert_eq!(Cause::of_stored(cause.as_str()), cause);
            assert_eq!(serde_json::to_value(cause).ok(), Some(cause.as_str().into()));
        }
        for cause in [Cause::Superseded, Cause::Lost] {
            assert_eq!(Cause::of_stored(cause.as_str()), cause);
            assert_eq!(serde_json::to_value(cause).ok(), Some(cause.as_str().into()));
        }
        assert_eq!(Cause::of_name("NAS-Reboot"), Cause::of_number(11));
    }
}
