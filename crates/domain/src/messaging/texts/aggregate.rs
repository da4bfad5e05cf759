//! State and decisions of a tenant's texts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{MessageTextsEvent, TextReset, TextWritten};
use crate::{Code, Coded, Decider, aggregate, messaging::MessageKind, tenancy::Language};

/// Longest template, in characters.
pub const MAX_TEMPLATE_CHARS: usize = 4_096;

/// Commands of `messaging.texts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageTextsCommand {
    /// The same text again is nothing.
    Write {
        kind: MessageKind,
        language: Language,
        source: String,
        at: DateTime<Utc>,
    },
    Reset {
        kind: MessageKind,
        language: Language,
        at: DateTime<Utc>,
    },
}

/// Refusals of `messaging.texts`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageTextsError {
    #[error("a text has 1 to {MAX_TEMPLATE_CHARS} characters")]
    Length,
}

impl Coded for MessageTextsError {
    fn code(&self) -> Code {
        match self {
            Self::Length => Code::ValidationError,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::Length => serde_json::json!({ "field": "source", "rule": "length" }),
        }
    }
}

/// The texts of one tenant. Its id is the tenant's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MessageTexts {
    own: BTreeMap<MessageKind, BTreeMap<Language, String>>,
}

aggregate!(MessageTexts);

impl MessageTexts {
    /// The operator's own template, if there is one.
    pub fn own(&self, kind: MessageKind, language: Language) -> Option<&str> {
        self.own.get(&kind)?.get(&language).map(String::as_str)
    }
}

impl Decider for MessageTexts {
    const TYPE: &'static str = "messaging.texts";
    const STATE_VERSION: i32 = 1;
    type Command = MessageTextsCommand;
    type Event = MessageTextsEvent;
    type Error = MessageTextsError;

    fn decide(&self, command: MessageTextsCommand) -> Result<Vec<MessageTextsEvent>, MessageTextsError> {
        match command {
            MessageTextsCommand::Write {
                kind,
                language,
                source,
                at,
            } => {
                if source.trim().is_empty() || source.chars().count() > MAX_TEMPLATE_CHARS {
                    return Err(MessageTextsError::Length);
                }
                if self.own(kind, language) == Some(source.as_str()) {
                    return Ok(Vec::new());
                }
                Ok(vec![MessageTextsEvent::Written(TextWritten {
                    kind,
                    language,
                    source,
                    at,
                })])
            }
            MessageTextsCommand::Reset { kind, language, at } => {
                let reset = MessageTextsEvent::Reset(TextReset { kind, language, at });
                Ok(self.own(kind, language).map(|_| reset).into_iter().collect())
            }
        }
    }

    fn evolve(&mut self, event: &MessageTextsEvent) {
        match event {
            MessageTextsEvent::Written(written) => {
                let of_kind = self.own.entry(written.kind).or_default();
                of_kind.insert(written.language, written.source.clone());
            }
            MessageTextsEvent::Reset(reset) => {
                if let Some(of_kind) = self.own.get_mut(&reset.kind) {
                    of_kind.remove(&reset.language);
                }
            }
        }
    }
}
