//! State and decisions of a session.

use serde::{Deserialize, Serialize};

use super::{SessionCommand, SessionEnded, SessionError, SessionEvent, SessionStarted};
use crate::{Decider, SessionId, UserId, aggregate};

/// Where a session stands. That it expired is a matter of the clock, not of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SessionStatus {
    #[default]
    Absent,
    Open {
        session: SessionId,
        user: UserId,
    },
    Ended {
        user: UserId,
    },
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Session {
    status: SessionStatus,
}

aggregate!(Session);

impl Session {
    pub const fn status(&self) -> SessionStatus {
        self.status
    }
}

impl Decider for Session {
    const TYPE: &'static str = "identity.session";
    const STATE_VERSION: i32 = 1;
    type Command = SessionCommand;
    type Event = SessionEvent;
    type Error = SessionError;

    fn decide(&self, command: SessionCommand) -> Result<Vec<SessionEvent>, SessionError> {
        match (self.status, command) {
            (SessionStatus::Absent, SessionCommand::Start(start)) => {
                if start.expires_at <= start.at {
                    return Err(SessionError::ExpiryInvalid);
                }
                Ok(vec![SessionEvent::Started(SessionStarted {
                    session: start.session,
                    user: start.user,
                    method: start.method,
                    impersonator: start.impersonator,
                    expires_at: start.expires_at,
                    at: start.at,
                })])
            }
            (SessionStatus::Open { .. } | SessionStatus::Ended { .. }, SessionCommand::Start(_)) => {
                Err(SessionError::AlreadyStarted)
            }
            (SessionStatus::Absent, SessionCommand::End { .. }) => Err(SessionError::NotFound),
            (
                SessionStatus::Open { user: owner, .. } | SessionStatus::Ended { user: owner },
                SessionCommand::End { user: Some(user), .. },
            ) if user != owner => Err(SessionError::NotFound),
            (SessionStatus::Open { session, user }, SessionCommand::End { reason, at, .. }) => {
                let ended = SessionEnded {
                    session,
                    user,
                    reason,
                    at,
                };
                Ok(vec![SessionEvent::Ended(ended)])
            }
            (SessionStatus::Ended { .. }, SessionCommand::End { .. }) => Ok(Vec::new()),
        }
    }

    fn evolve(&mut self, event: &SessionEvent) {
        self.status = match event {
            SessionEvent::Started(started) => SessionStatus::Open {
                session: started.session,
                user: started.user,
            },
            SessionEvent::Ended(ended) => SessionStatus::Ended { user: ended.user },
        };
    }
}
