//! State and decisions of a tenant's rules.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{SignInRulesChanged, SignInRulesEvent, SignInTerms};
use crate::{Code, Coded, Decider, aggregate};

/// Days of a session that a tenant can choose (SPEC 3).
const SESSION_DAYS: std::ops::RangeInclusive<u8> = 7..=30;

/// Commands of `identity.sign_in_rules`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInRulesCommand {
    Change { terms: SignInTerms, at: DateTime<Utc> },
}

/// Refusals of `identity.sign_in_rules`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInRulesError {
    #[error("a session lasts 7 to 30 days")]
    SessionDays,
}

impl Coded for SignInRulesError {
    fn code(&self) -> Code {
        match self {
            Self::SessionDays => Code::ValidationError,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::SessionDays => serde_json::json!({ "field": "sessionDays", "rule": "range" }),
        }
    }
}

/// The rules of one tenant. Its id is the tenant's. Before anybody has changed them they are the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SignInRules {
    terms: SignInTerms,
}

aggregate!(SignInRules);

impl SignInRules {
    pub const fn terms(&self) -> SignInTerms {
        self.terms
    }
}

impl Decider for SignInRules {
    const TYPE: &'static str = "identity.sign_in_rules";
    const STATE_VERSION: i32 = 1;
    type Command = SignInRulesCommand;
    type Event = SignInRulesEvent;
    type Error = SignInRulesError;

    fn decide(&self, command: SignInRulesCommand) -> Result<Vec<SignInRulesEvent>, SignInRulesError> {
        let SignInRulesCommand::Change { terms, at } = command;
        if !SESSION_DAYS.contains(&terms.session_days) {
            return Err(SignInRulesError::SessionDays);
        }
        if terms == self.terms {
            return Ok(Vec::new());
        }
        Ok(vec![SignInRulesEvent::Changed(SignInRulesChanged { terms, at })])
    }

    fn evolve(&mut self, event: &SignInRulesEvent) {
        match event {
            SignInRulesEvent::Changed(changed) => self.terms = changed.terms,
        }
    }
}
