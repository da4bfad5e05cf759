//! What is wrong with a template, and where.

use std::fmt;

use minijinja::ErrorKind;
use serde::Serialize;
use serde_json::json;
use simpul_domain::{Code, Coded, messaging::sender::MAX_TEXT_CHARS};

use super::rewrite::Rewritten;

/// A place in what the operator wrote. Both count from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl Position {
    /// Of a byte offset; one past the end, or within a character, is the nearest place before it.
    pub(super) fn of(source: &str, offset: usize) -> Self {
        let before = &source[..source.floor_char_boundary(offset)];
        let line_begin = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_begin..].chars().count() + 1,
        }
    }
}

/// Why a template or a message cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("{at}: {detail}")]
    Syntax { at: Position, detail: String },
    /// No message of this kind has such a variable.
    #[error("{at}: there is no variable {name} in this message")]
    UnknownVariable { at: Position, name: String },
    /// A filter, test or function that templates do not have.
    #[error("{at}: {detail}")]
    NotOffered { at: Position, detail: String },
    /// The message lacks a value that the template uses.
    #[error("{at}: a value is missing")]
    MissingValue { at: Position },
    #[error("the template takes too long")]
    TooMuchWork,
    #[error("{at}: {detail}")]
    Render { at: Position, detail: String },
    #[error("{chars} characters are more than {MAX_TEXT_CHARS}")]
    TooLong { chars: usize },
    #[error("the message is empty")]
    Empty,
}

impl TemplateError {
    /// Keeps the engine's words, never the values that it saw.
    pub(super) fn from_engine(error: &minijinja::Error, source: &str, rewritten: &Rewritten) -> Self {
        let at = match (error.range(), error.line()) {
            (Some(range), _) => Position::of(source, rewritten.source_offset(range.start)),
            (None, Some(line)) => Position { line, column: 1 },
            (None, None) => Position { line: 1, column: 1 },
        };
        let detail = || {
            error
                .detail()
                .map_or_else(|| error.kind().to_string(), str::to_owned)
        };
        match error.kind() {
            ErrorKind::SyntaxError | ErrorKind::BadEscape => Self::Syntax { at, detail: detail() },
            ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownMethod => Self::NotOffered { at, detail: detail() },
            ErrorKind::UndefinedError => Self::MissingValue { at },
            ErrorKind::OutOfFuel => Self::TooMuchWork,
            kind => Self::Render {
                at,
                detail: kind.to_string(),
            },
        }
    }

    /// Where the mistake is, if it is at one place.
    pub const fn position(&self) -> Option<Position> {
        match self {
            Self::Syntax { at, .. }
            | Self::UnknownVariable { at, .. }
            | Self::NotOffered { at, .. }
            | Self::MissingValue { at }
            | Self::Render { at, .. } => Some(*at),
            Self::TooMuchWork | Self::TooLong { .. } | Self::Empty => None,
        }
    }

    const fn rule(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "syntax",
            Self::UnknownVariable { .. } => "unknown_variable",
            Self::NotOffered { .. } => "not_offered",
            Self::MissingValue { .. } => "missing_value",
            Self::TooMuchWork => "too_much_work",
            Self::Render { .. } => "render",
            Self::TooLong { .. } => "too_long",
            Self::Empty => "required",
        }
    }
}

impl Coded for TemplateError {
    fn code(&self) -> Code {
        Code::ValidationError
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::UnknownVariable { at, name } => {
                json!({ "rule": self.rule(), "position": at, "name": name })
            }
            Self::Syntax { .. }
            | Self::NotOffered { .. }
            | Self::MissingValue { .. }
            | Self::TooMuchWork
            | Self::Render { .. }
            | Self::TooLong { .. }
            | Self::Empty => json!({ "rule": self.rule(), "position": self.position() }),
        }
    }
}

/// Where a name first stands inside a block of the engine; the beginning if nowhere.
pub(super) fn position_of_word(source: &str, word: &str) -> Position {
    let part_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let stands_alone = |at: usize| {
        let (before, after) = (&source[..at], &source[at + word.len()..]);
        !before.ends_with(part_of_name) && !after.starts_with(part_of_name) && inside_block(before)
    };
    let at = source
        .match_indices(word)
        .map(|(at, _)| at)
        .find(|&at| stands_alone(at));
    Position::of(source, at.unwrap_or(0))
}

fn inside_block(before: &str) -> bool {
    let last = |marks: [&str; 2]| marks.iter().filter_map(|mark| before.rfind(mark)).max();
    match (last(["{{", "{%"]), last(["}}", "%}"])) {
        (Some(open), Some(close)) => open > close,
        (open, None) => open.is_some(),
        (None, Some(_)) => false,
    }
}
