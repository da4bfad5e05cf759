//! State and decisions of a key.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{ApiKeyCommand, ApiKeyError, ApiKeyEvent, ApiKeyIssued, ApiKeyRevoked, IssueApiKey};
use crate::{ApiKeyId, Decider, UserId, aggregate};

const MAX_NAME_CHARS: usize = 50;
const MAX_LIFE: TimeDelta = TimeDelta::days(366);

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ApiKeyStatus {
    #[default]
    Absent,
    Issued {
        key: ApiKeyId,
        user: UserId,
    },
    Revoked,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ApiKey {
    status: ApiKeyStatus,
}

aggregate!(ApiKey);

fn check(issue: &IssueApiKey) -> Result<(), ApiKeyError> {
    if issue.name.trim().is_empty() || issue.name.chars().count() > MAX_NAME_CHARS {
        return Err(ApiKeyError::NameInvalid);
    }
    if issue.scopes.is_empty() {
        return Err(ApiKeyError::Empty);
    }
    if issue.expires_at <= issue.at || issue.expires_at > issue.at + MAX_LIFE {
        return Err(ApiKeyError::ExpiryInvalid);
    }
    match issue.scopes.difference(&issue.held).next() {
        None => Ok(()),
        Some(missing) => Err(ApiKeyError::NotHeld {
            permission: missing.to_string(),
        }),
    }
}

impl Decider for ApiKey {
    const TYPE: &'static str = "identity.api_key";
    const STATE_VERSION: i32 = 1;
    type Command = ApiKeyCommand;
    type Event = ApiKeyEvent;
    type Error = ApiKeyError;

    fn decide(&self, command: ApiKeyCommand) -> Result<Vec<ApiKeyEvent>, ApiKeyError> {
        match (self.status, command) {
            (ApiKeyStatus::Absent, ApiKeyCommand::Issue(issue)) => {
                check(&issue)?;
                Ok(vec![ApiKeyEvent::Issued(ApiKeyIssued {
                    key: issue.key,
                    user: issue.user,
                    name: issue.name,
                    scopes: issue.scopes,
                    expires_at: issue.expires_at,
                    at: issue.at,
                })])
            }
            (ApiKeyStatus::Issued { .. } | ApiKeyStatus::Revoked, ApiKeyCommand::Issue(_)) => {
                Err(ApiKeyError::AlreadyIssued)
            }
            (ApiKeyStatus::Absent, ApiKeyCommand::Revoke { .. }) => Err(ApiKeyError::NotFound),
            (ApiKeyStatus::Issued { key, user }, ApiKeyCommand::Revoke { at }) => {
                Ok(vec![ApiKeyEvent::Revoked(ApiKeyRevoked { key, user, at })])
            }
            (ApiKeyStatus::Revoked, ApiKeyCommand::Revoke { .. }) => Ok(Vec::new()),
        }
    }

    fn evolve(&mut self, event: &ApiKeyEvent) {
        self.status = match event {
            ApiKeyEvent::Issued(issued) => ApiKeyStatus::Issued {
                key: issued.key,
                user: issued.user,
            },
            ApiKeyEvent::Revoked(_) => ApiKeyStatus::Revoked,
        };
    }
}
