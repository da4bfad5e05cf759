//! A value encrypted before it entered a decision.
//!
//! Personal data and secrets never reach an event in clear text: the use case seals them with the key of their
//! subject (`event_store::vault`), and aggregates pass them on unread. Destroying the subject's key is the
//! deletion (UU 27/2022), and the hash chain, taken over the ciphertext, still verifies.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ciphertext of one field of one subject, base64. Opaque to the domain.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// Wraps what the vault produced.
    pub fn new(ciphertext: String) -> Self {
        Self(ciphertext)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}
