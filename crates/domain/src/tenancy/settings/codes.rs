//! How codes are made. Read when somebody registers a customer without a code, and when a ticket is opened.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InvalidSetting;
use crate::text_type;

text_type! {
    /// Capitals, digits and dashes around one `{N…}`, the counter with at least as many digits as there are Ns.
    CodePattern, CodePatternError: "a code pattern has at most 20 capitals, digits and dashes and one counter like NNNN in braces",
    pattern "^([A-Z0-9][A-Z0-9-]*)?\\{N{1,9}\\}[A-Z0-9-]*$",
    |text| text.len() <= 20 && parts(text).is_some()
}

/// Before the counter, its digits, after it.
fn parts(text: &str) -> Option<(&str, usize, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (counter, after) = rest.split_once('}')?;
    let plain = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let counts = (1..=9).contains(&counter.len()) && counter.bytes().all(|byte| byte == b'N');
    (counts && !before.starts_with('-') && plain(before) && plain(after)).then_some((
        before,
        counter.len(),
        after,
    ))
}

impl CodePattern {
    /// The `counter`th code.
    pub fn render(&self, counter: u64) -> String {
        // INVARIANT: the text was checked when it was parsed.
        let (before, width, after) = parts(&self.0).unwrap_or(("", 1, ""));
        format!("{before}{counter:0width$}{after}")
    }
}

/// How codes are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Codes {
    pub customer: CodePattern,
    pub ticket: CodePattern,
}

impl Default for Codes {
    fn default() -> Self {
        Self {
            customer: CodePattern("C-{NNNN}".to_owned()),
            ticket: CodePattern("T-{NNNN}".to_owned()),
        }
    }
}

impl Codes {
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "every section is checked alike"
    )]
    pub(super) const fn check(&self) -> Result<(), InvalidSetting> {
        Ok(())
    }
}
