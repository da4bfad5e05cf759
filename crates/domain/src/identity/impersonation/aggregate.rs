//! State and decisions of an impersonation: it is requested once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ImpersonationEvent, ImpersonationRequested};
use crate::{Code, Coded, Decider, SessionId, TenantId, UserId, aggregate, operations::Reason};

/// Commands of `identity.impersonation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImpersonationCommand {
    Request {
        session: SessionId,
        by: UserId,
        tenant: TenantId,
        user: UserId,
        reason: Reason,
        at: DateTime<Utc>,
    },
}

/// Refusals of `identity.impersonation`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImpersonationError {
    #[error("an impersonation with this id exists")]
    AlreadyRequested,
    /// The platform's own staff act as themselves.
    #[error("nobody is impersonated in the platform's own tenant")]
    InPlatform,
}

impl Coded for ImpersonationError {
    fn code(&self) -> Code {
        match self {
            Self::AlreadyRequested => Code::DuplicateEntry,
            Self::InPlatform => Code::Forbidden,
        }
    }
}

/// One impersonation. Its id is that of its session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Impersonation {
    requested: bool,
}

aggregate!(Impersonation);

impl Decider for Impersonation {
    const TYPE: &'static str = "identity.impersonation";
    const STATE_VERSION: i32 = 1;
    type Command = ImpersonationCommand;
    type Event = ImpersonationEvent;
    type Error = ImpersonationError;

    fn decide(&self, command: ImpersonationCommand) -> Result<Vec<ImpersonationEvent>, ImpersonationError> {
        let ImpersonationCommand::Request {
            session,
            by,
            tenant,
            user,
            reason,
            at,
        } = command;
        if self.requested {
            return Err(ImpersonationError::AlreadyRequested);
        }
        if tenant == TenantId::PLATFORM {
            return Err(ImpersonationError::InPlatform);
        }
        Ok(vec![ImpersonationEvent::Requested(ImpersonationRequested {
            session,
            by,
            tenant,
            user,
            reason,
            at,
        })])
    }

    fn evolve(&mut self, event: &ImpersonationEvent) {
        match event {
            ImpersonationEvent::Requested(_) => self.requested = true,
        }
    }
}
