//! What became of each mutant, as a table and as JSON.

use std::{fmt::Write as _, time::Duration};

use serde::{Deserialize, Serialize};

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    Killed {
        /// The first test that failed.
        by: String,
    },
    /// No test failed: one is missing.
    Survived,
    /// A compile error is no test.
    DoesNotCompile,
    /// Nothing was shown.
    Broken { reason: String },
}

impl Verdict {
    pub const fn is_killed(&self) -> bool {
        matches!(self, Self::Killed { .. })
    }

    fn text(&self) -> &str {
        match self {
            Self::Killed { by } => by,
            Self::Survived => "SURVIVED",
            Self::DoesNotCompile => "DOES NOT COMPILE",
            Self::Broken { reason } => reason,
        }
    }
}

/// One line of the report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    pub mutant: String,
    pub breaks: String,
    pub package: String,
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Building and running.
    pub seconds: u64,
}

/// The first test that cargo-nextest says has failed.
pub fn killer(log: &str) -> Option<String> {
    const FAILED: [&str; 4] = ["FAIL", "TIMEOUT", "SIGABRT", "SIGSEGV"];
    log.lines().find_map(|line| {
        let (status, rest) = line.trim_start().split_once(' ')?;
        if !FAILED.contains(&status) || !rest.trim_start().starts_with('[') {
            return None;
        }
        // FAIL [   0.123s] (1/9) package::target path::of_the_test
        rest.split_whitespace().last().map(str::to_owned)
    })
}

/// The table that a run prints at its end.
pub fn table(lines: &[Line], took: Duration) -> String {
    let width = lines.iter().map(|line| line.mutant.len()).max().unwrap_or(0);
    let mut text = String::new();
    for line in lines {
        let (name, seconds) = (&line.mutant, line.seconds);
        let _ = writeln!(text, "{name:<width$}  {seconds:>4} s  {}", line.verdict.text());
    }
    let killed = lines.iter().filter(|line| line.verdict.is_killed()).count();
    let _ = writeln!(
        text,
        "{killed} of {} mutants killed in {} s",
        lines.len(),
        took.as_secs()
    );
    text
}
