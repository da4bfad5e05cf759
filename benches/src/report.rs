//! Interleaved repetitions, medians, and the file that they end in.

use std::{fs, path::Path, time::Duration};

use serde::Serialize;

/// How often every contestant has its turn.
pub(crate) const TURNS: usize = 9;
/// How long a turn lasts.
pub(crate) const TURN: Duration = Duration::from_millis(1_500);

/// One comparison.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    /// Ours divided by the peer's; above 1 we are faster.
    pub(crate) ratio: f64,
    pub(crate) ours: f64,
    pub(crate) peer: f64,
    pub(crate) unit: &'static str,
}

impl Line {
    /// Medians of the turns; the ratio is the median of the ratios of neighbouring turns, which saw the same minute.
    pub(crate) fn new(name: &'static str, unit: &'static str, ours: &[f64], peer: &[f64]) -> Self {
        let ratios: Vec<f64> = ours.iter().zip(peer).map(|(ours, peer)| ours / peer).collect();
        Self {
            name,
            ratio: median(&ratios),
            ours: median(ours),
            peer: median(peer),
            unit,
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Writes `target/bench/<name>.json` and shows it.
#[expect(clippy::print_stdout, reason = "the benchmark's own command line")]
pub(crate) fn write(name: &str, lines: &[Line]) -> anyhow::Result<()> {
    for line in lines {
        println!(
            "{:44} {:6.2} ×   ours {:10.0}   peer {:10.0} {}",
            line.name, line.ratio, line.ours, line.peer, line.unit
        );
    }
    let directory = Path::new("target/bench");
    fs::create_dir_all(directory)?;
    fs::write(
        directory.join(format!("{name}.json")),
        serde_json::to_string_pretty(lines)?,
    )?;
    Ok(())
}
