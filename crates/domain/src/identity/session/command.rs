//! What can be asked of a session.

use chrono::{DateTime, Utc};

use super::{EndReason, SignInMethod};
use crate::{SessionId, UserId};

/// Commands of `identity.session`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionCommand {
    Start(StartSession),
    End {
        /// Who must be its user; `None` where whoever asks may end anybody's.
        user: Option<UserId>,
        reason: EndReason,
        at: DateTime<Utc>,
    },
}

/// A sign-in that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartSession {
    pub session: SessionId,
    pub user: UserId,
    pub method: SignInMethod,
    pub impersonator: Option<UserId>,
    pub expires_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}
