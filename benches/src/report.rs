//! Interleaved repetitions, medians, and the file that they end in.

use std::{fs, path::Path, time::Duration};

use serde::Serialize;

/// How often every contestant has its turn. Many short ones: a checkpoint, or a neighbour on the machine, meets both of a
/// pair or is one pair among many.
pub(crate) const TURNS: usize = 27;
/// How long a turn lasts.
pub(crate) const TURN: Duration = Duration::from_millis(500);

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
        Self::with(name, unit, ours, peer, |ours, peer| ours / peer)
    }

    /// The same for times, where the ratio is the peer's divided by ours.
    pub(crate) fn lower_is_better(
        name: &'static str,
        unit: &'static str,
        ours: &[f64],
        peer: &[f64],
    ) -> Self {
        Self::with(name, unit, ours, peer, |ours, peer| peer / ours)
    }

    fn with(
        name: &'static str,
        unit: &'static str,
        ours: &[f64],
        peer: &[f64],
        ratio: impl Fn(f64, f64) -> f64,
    ) -> Self {
        let ratios: Vec<f64> = ours
            .iter()
            .zip(peer)
            .map(|(ours, peer)| ratio(*ours, *peer))
            .collect();
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
    percentile(values, 0.5)
}

/// The value below which `share` of the values lie.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a short list"
    )]
    let index = (sorted.len() as f64 * share) as usize;
    sorted
        .get(index.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// Whole numbers for rates, two places for times.
fn short(value: f64) -> String {
    if value < 1_000.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}

/// What is no figure.
#[expect(clippy::print_stdout, reason = "the benchmark's own command line")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Writes `target/bench/<name>.json` and shows it.
#[expect(clippy::print_stdout, reason = "the benchmark's own command line")]
pub(crate) fn write(name: &str, lines: &[Line]) -> anyhow::Result<()> {
    for line in lines {
        println!(
            "{:44} {:6.2} ×   ours {:10}   peer {:10} {}",
            line.name,
            line.ratio,
            short(line.ours),
            short(line.peer),
            line.unit
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
