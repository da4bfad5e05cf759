//! What was measured, read from `target/`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::targets::{Bound, Figure};

/// A line of `target/bench/<name>.json`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) ratio: f64,
    pub(crate) ours: f64,
    pub(crate) peer: f64,
    pub(crate) unit: String,
}

/// A file's content and the day on which it was written.
#[derive(Debug, Clone)]
pub(crate) struct Dated<T> {
    pub(crate) on: NaiveDate,
    pub(crate) what: T,
}

/// Everything that is there.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// By benchmark.
    pub(crate) benches: BTreeMap<String, Dated<Vec<Line>>>,
    /// By file: histories of faults.
    pub(crate) faults: BTreeMap<String, Dated<Value>>,
    pub(crate) drill: Option<Dated<Value>>,
    pub(crate) mutants: Option<Dated<Vec<Value>>>,
    /// Processor, cores and memory.
    pub(crate) machine: String,
}

/// What a target was compared with.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) command: String,
    pub(crate) measured: String,
    pub(crate) peer: String,
    pub(crate) on: NaiveDate,
    pub(crate) met: bool,
}

/// Reads what there is; what is not there was not measured.
pub(crate) fn read(target: &Path) -> anyhow::Result<Measured> {
    let mut measured = Measured {
        machine: machine(),
        ..Measured::default()
    };
    for (name, path) in files(&target.join("bench"))? {
        measured.benches.insert(name, dated(&path)?);
    }
    for (name, path) in files(&target.join("chaos"))? {
        if name == "drill" {
            measured.drill = Some(dated(&path)?);
        } else {
            measured.faults.insert(name, dated(&path)?);
        }
    }
    let mutants = target.join("mutants.json");
    if mutants.exists() {
        measured.mutants = Some(dated(&mutants)?);
    }
    Ok(measured)
}

impl Measured {
    pub(crate) fn summary(&self) -> String {
        format!(
            "{} benchmarks, {} faults, drill {}, mutants {}",
            self.benches.len(),
            self.faults.len(),
            if self.drill.is_some() { "yes" } else { "no" },
            if self.mutants.is_some() { "yes" } else { "no" }
        )
    }

    /// The first figure that was measured.
    pub(crate) fn find(&self, figures: &[Figure]) -> Option<Found> {
        figures.iter().find_map(|figure| self.figure(figure))
    }

    fn figure(&self, figure: &Figure) -> Option<Found> {
        if figure.file == "drill" {
            let drill = self.drill.as_ref()?;
            let seconds = drill.what.get(figure.name)?.as_f64()?;
            return Some(Found {
                command: "`./dev drill`".to_owned(),
                measured: format!("{} s", number(seconds)),
                peer: String::new(),
                on: drill.on,
                met: meets(figure.bound, seconds, 0.0),
            });
        }
        let bench = self.benches.get(figure.file)?;
        let line = bench
            .what
            .iter()
            .find(|line| line.name.starts_with(figure.name))?;
        let ours = format!("{} {}", number(line.ours), line.unit);
        let measured = match figure.bound {
            Bound::RatioAtLeast(_) => format!("{:.2} × ({ours})", line.ratio),
            Bound::CostAtMost(_) => format!("{:.2} × ({ours})", 1.0 / line.ratio),
            Bound::Below(_) | Bound::AtLeast(_) => ours,
        };
        Some(Found {
            command: format!("`./dev bench {}`", figure.file),
            measured,
            peer: format!("{} {}", number(line.peer), line.unit),
            on: bench.on,
            met: meets(figure.bound, line.ours, line.ratio),
        })
    }
}

fn meets(bound: Bound, ours: f64, ratio: f64) -> bool {
    match bound {
        Bound::Below(limit) => ours < limit,
        Bound::AtLeast(limit) => ours >= limit,
        Bound::RatioAtLeast(limit) => ratio >= limit,
        Bound::CostAtMost(limit) => 1.0 / ratio <= limit,
    }
}

/// Whole from a thousand on, two places below.
pub(crate) fn number(value: f64) -> String {
    if value < 1_000.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Names without their ending, and paths.
fn files(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    if !folder.exists() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json")
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            found.insert(name.to_owned(), path);
        }
    }
    Ok(found)
}

fn dated<T: for<'a> Deserialize<'a>>(path: &Path) -> anyhow::Result<Dated<T>> {
    let written: DateTime<Utc> = fs::metadata(path)?.modified()?.into();
    let text = fs::read_to_string(path)?;
    let what = serde_json::from_str(&text)
        .with_context(|| format!("{} is not what it should be", path.display()))?;
    Ok(Dated {
        on: written.date_naive(),
        what,
    })
}

/// As the kernel describes it.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, key: &str| {
        text.lines().find_map(|line| {
            line.strip_prefix(key)?
                .split_once(':')
                .map(|(_, value)| value.trim().to_owned())
        })
    };
    let processors = read("/proc/cpuinfo");
    let cores = processors
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let model = after(&processors, "model name").unwrap_or_else(|| "an unnamed processor".to_owned());
    let memory = after(&read("/proc/meminfo"), "MemTotal");
    let kib: u64 = memory
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .unwrap_or_default();
    format!("{cores} × {model}, {} GiB", kib.div_ceil(1024 * 1024))
}
