//! What happened.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stored_events;

/// Events of `identity.sign_in_rules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SignInRulesEvent {
    #[serde(rename = "identity.sign_in_rules.changed")]
    Changed(SignInRulesChanged),
}

stored_events!(SignInRulesEvent {
    Changed => "identity.sign_in_rules.changed", "1";
});

/// What the rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignInTerms {
    /// Days from the sign-in on, however often the session is prolonged; 7 to 30 (SPEC 3).
    pub session_days: u8,
    /// Whether a sign-in with a program that the user had not used before is told them by letter.
    pub warns_of_new_devices: bool,
    /// Whether the address before is told that another one counts.
    pub warns_of_new_address: bool,
}

impl Default for SignInTerms {
    fn default() -> Self {
        Self {
            session_days: 30,
            warns_of_new_devices: true,
            warns_of_new_address: true,
        }
    }
}

/// Other rules, as a whole. Sessions that go on end no later than they say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignInRulesChanged {
    pub terms: SignInTerms,
    pub at: DateTime<Utc>,
}
