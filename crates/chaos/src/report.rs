//! Results: one JSON file for each test, and a table of all.
//!
//! | key | meaning |
//! |---|---|
//! | `fault` | number in the table of faults, such as `R07` |
//! | `test` | the test that was run |
//! | `seed` | what chance was drawn from |
//! | `verdict` | counts and names of [`Verdict`]: `attempted`, `successes`, `refused`, `unknown`, `lost`, `twice`, `unexpected`, `recovered` |
//! | `strikes` | how often the fault was made to happen |
//! | `recovery_ms` | from the end of the fault to the first new success; the worst strike |
//! | `slowest_ms` | longest wait of a client while the fault was there, where that is promised; else absent |

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{fault::Fault, history::Verdict};

/// What one test has found.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    pub fault: String,
    pub test: String,
    pub seed: u64,
    pub verdict: Verdict,
    pub strikes: usize,
    pub recovery_ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowest_ms: Option<u128>,
}

impl Outcome {
    pub fn new(fault: &Fault, test: &str, seed: u64, verdict: Verdict, strikes: usize) -> Self {
        Self {
            fault: fault.number.to_owned(),
            test: test.to_owned(),
            seed,
            verdict,
            strikes,
            recovery_ms: None,
            slowest_ms: None,
        }
    }

    #[must_use]
    pub fn recovered_in(mut self, time: Option<Duration>) -> Self {
        self.recovery_ms = time.map(|time| time.as_millis());
        self
    }

    #[must_use]
    pub fn answered_within(mut self, time: Duration) -> Self {
        self.slowest_ms = Some(time.as_millis());
        self
    }

    /// Writes it into `folder`, in place of what the same test found before.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let name = self.test.replace("::", ".");
        let text = serde_json::to_string_pretty(self)?;
        fs::write(folder.join(format!("{}.{name}.json", self.fault)), text + "\n")
    }
}

/// What is read back: only what the table shows.
#[derive(Debug, Deserialize)]
struct Row {
    fault: String,
    test: String,
    seed: u64,
    verdict: Value,
    strikes: usize,
    recovery_ms: Option<u64>,
}

/// The results of `faults` in `folder`, which is other faults' and the drill's too.
fn results(folder: &Path, faults: &[&Fault]) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if !folder.exists() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| Some(name.split_once('.')?.0));
        if faults.iter().any(|fault| number == Some(fault.number)) {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// Removes what the tests of `faults` have found before.
pub fn forget(folder: &Path, faults: &[&Fault]) -> io::Result<()> {
    results(folder, faults)?.into_iter().try_for_each(fs::remove_file)
}

/// What the tests of `faults` have found, as a table.
pub fn table(folder: &Path, faults: &[&Fault]) -> io::Result<String> {
    let mut rows = Vec::new();
    for file in results(folder, faults)? {
        let row: Row = serde_json::from_slice(&fs::read(file)?)?;
        rows.push(row);
    }
    rows.sort_by(|one, other| (&one.fault, &one.test).cmp(&(&other.fault, &other.test)));
    let mut lines = vec![format!(
        "{:<5} {:>7} {:>9} {:>7} {:>7} {:>4} {:>5} {:>9} {:>11}  {}",
        "fault",
        "strikes",
        "successes",
        "refused",
        "unknown",
        "lost",
        "twice",
        "recovered",
        "recovery ms",
        "test (seed)"
    )];
    for row in rows {
        let count = |key: &str| row.verdict[key].as_u64().unwrap_or_default();
        let names = |key: &str| row.verdict[key].as_array().map_or(0, Vec::len);
        let recovery = row
            .recovery_ms
            .map_or_else(|| "-".to_owned(), |ms| ms.to_string());
        lines.push(format!(
            "{:<5} {:>7} {:>9} {:>7} {:>7} {:>4} {:>5} {:>9} {:>11}  {} ({})",
            row.fault,
            row.strikes,
            count("successes"),
            count("refused"),
            count("unknown"),
            names("lost"),
            names("twice"),
            count("recovered"),
            recovery,
            row.test,
            row.seed
        ));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault;

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("simpul-chaos-{name}-{}", std::process::id()))
    }

    #[test]
    fn what_is_written_is_shown() {
        let folder = folder("report");
        let fault = fault::find("database-killed").expect("a fault");
        let verdict = Verdict {
            successes: 812,
            ..Verdict::default()
        };
        let outcome = Outcome::new(fault, "chaos::a_test", 7, verdict, 4);
        outcome
            .recovered_in(Some(Duration::from_millis(340)))
            .write(&folder)
            .expect("written");
        let shown = table(&folder, &[fault]).expect("a table");
        fs::remove_dir_all(&folder).expect("removed");
        let line = shown.lines().nth(1).expect("a line");
        for part in ["R07", "812", "340", "chaos::a_test (7)"] {
            assert!(line.contains(part), "{line}");
        }
    }
    #[test]
    fn a_fault_replaces_its_own_results_and_nothing_else() {
        let folder = folder("forget");
        let [one, other] = ["R01", "R02"].map(|number| fault::find(number).expect("a fault"));
        for fault in [one, other] {
            for test in ["a_test", "chaos::another_test"] {
                let outcome = Outcome::new(fault, test, 7, Verdict::default(), 1);
                outcome.write(&folder).expect("written");
            }
        }
        fs::write(folder.join("drill.json"), "{}").expect("written");
        forget(&folder, &[one]).expect("forgotten");
        let mut left: Vec<_> = fs::read_dir(&folder)
            .expect("a folder")
            .map(|entry| entry.expect("a file").file_name())
            .collect();
        left.sort();
        let lines = |fault| table(&folder, &[fault]).expect("a table").lines().count();
        let shown = [one, other].map(lines);
        fs::remove_dir_all(&folder).expect("removed");
        assert_eq!(
            left,
            ["R02.a_test.json", "R02.chaos.another_test.json", "drill.json"]
        );
        assert_eq!(shown, [1, 3], "each under one heading");
    }
}
