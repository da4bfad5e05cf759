//! What a message tells this time. Customer data is made harmless on its way in.

use std::{collections::BTreeMap, fmt};

use minijinja::Value;
use simpul_domain::messaging::MessageKind;

use super::Variable;

/// Longest single value, in characters.
const MAX_VALUE_CHARS: usize = 300;

/// Values of one message. Personal data: printing shows the names only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Values(BTreeMap<Variable, String>);

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Values {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a value. Formatting marks, control characters and invisible direction marks are dropped, line breaks
    /// become spaces; an address to pay at keeps its marks, but has no spaces.
    #[must_use]
    pub fn with(mut self, variable: Variable, value: &str) -> Self {
        let clean = match variable {
            Variable::PayUrl => clean_url(value),
            _ => clean_text(value),
        };
        self.0.insert(variable, clean);
        self
    }

    /// Invented values for previews and for the check at save time.
    pub fn sample(kind: MessageKind) -> Self {
        Variable::of(kind).iter().fold(Self::new(), |values, &variable| {
            values.with(variable, variable.sample())
        })
    }

    #[must_use]
    pub(super) fn without_optional(mut self) -> Self {
        self.0.retain(|variable, _| !variable.is_optional());
        self
    }

    /// Under every name and alias. What is missing stays undefined, except what may be missing.
    pub(super) fn context(&self, kind: MessageKind) -> Value {
        let mut context: BTreeMap<&'static str, Value> = BTreeMap::new();
        for &variable in Variable::of(kind) {
            let value = match self.0.get(&variable) {
                Some(value) => Value::from(value),
                None if variable.is_optional() => Value::from(""),
                None => continue,
            };
            context.extend(variable.aliases().iter().map(|&alias| (alias, value.clone())));
            context.insert(variable.as_str(), value);
        }
        Value::from(context)
    }
}

fn clean_text(value: &str) -> String {
    let kept = value
        .chars()
        .filter(|&letter| !is_formatting(letter) && !is_invisible(letter));
    let spaced: String = kept
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ").chars().take(MAX_VALUE_CHARS).collect()
}

fn clean_url(value: &str) -> String {
    value
        .chars()
        .filter(|&letter| !letter.is_whitespace() && !letter.is_control() && !is_invisible(letter))
        .take(MAX_VALUE_CHARS)
        .collect()
}

/// Bold, italics, strike-through and monospace in `WhatsApp`.
const fn is_formatting(letter: char) -> bool {
    matches!(letter, '*' | '_' | '~' | '`')
}

/// Zero-width spaces, direction marks, overrides and isolates. The zero-width joiner stays: emoji need it.
const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}
