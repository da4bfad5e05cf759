//! What happened to a session.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SessionId, UserId, stored_events};

/// Events of `identity.session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SessionEvent {
    #[serde(rename = "identity.session.started")]
    Started(SessionStarted),
    #[serde(rename = "identity.session.ended")]
    Ended(SessionEnded),
}

stored_events!(SessionEvent {
    Started => "identity.session.started", "1";
    Ended => "identity.session.ended", "1";
});

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInMethod {
    Password,
    /// Password and one-time code.
    SecondFactor,
    /// Password and recovery code.
    RecoveryCode,
    Invitation,
    /// A super admin acts as the user.
    Impersonation,
    /// Whoever rules the machine.
    CommandLine,
    /// Came over from another tenant, where they are signed in with the same address.
    Switch,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    SignedOut,
    SignedOutEverywhere,
    /// By somebody else.
    Revoked,
    /// A refresh token came again that had been exchanged: there are two holders, and one of them is a thief.
    TokenReused,
    PasswordChanged,
    UserDisabled,
}

/// Somebody signed in. From where is in the event's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionStarted {
    pub session: SessionId,
    pub user: UserId,
    pub method: SignInMethod,
    /// The super admin who acts as the user.
    pub impersonator: Option<UserId>,
    pub expires_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}

/// The session is over; nothing of it is believed any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionEnded {
    pub session: SessionId,
    pub user: UserId,
    pub reason: EndReason,
    pub at: DateTime<Utc>,
}
