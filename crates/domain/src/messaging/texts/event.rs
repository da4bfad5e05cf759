//! What happened to a tenant's texts.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{messaging::MessageKind, stored_events, tenancy::Language};

/// Events of `messaging.texts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MessageTextsEvent {
    #[serde(rename = "messaging.texts.written")]
    Written(TextWritten),
    #[serde(rename = "messaging.texts.reset")]
    Reset(TextReset),
}

stored_events!(MessageTextsEvent {
    Written => "messaging.texts.written", "1";
    Reset => "messaging.texts.reset", "1";
});

/// Messages of a kind say this from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TextWritten {
    pub kind: MessageKind,
    pub language: Language,
    /// The template as it was written.
    pub source: String,
    pub at: DateTime<Utc>,
}

/// The built-in text counts again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TextReset {
    pub kind: MessageKind,
    pub language: Language,
    pub at: DateTime<Utc>,
}
