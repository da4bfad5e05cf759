//! The texts inside the words. `RouterOS` says everything as text and writes the same thing in several ways; here
//! the texts become typed values, and [`same`] decides whether two texts mean the same.

mod duration;
mod plain;
mod rate;
mod rate_limit;
mod same;

pub use duration::{format_duration, parse_duration};
pub use plain::{format_flag, parse_flag};
pub use rate::{BitRate, RateError};
pub use rate_limit::{Burst, Pair, RateLimit, RateLimitError};
pub use same::{Meaning, meaning_of, same};

/// A text is not a value of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind} of RouterOS")]
pub struct ValueError {
    /// What was expected, for instance `duration`.
    pub kind: &'static str,
    /// What was found.
    pub text: String,
}

impl ValueError {
    fn new(kind: &'static str, text: &str) -> Self {
        Self {
            kind,
            text: text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
