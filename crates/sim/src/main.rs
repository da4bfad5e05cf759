//! The command line of the simulator: one seed with its trace, a range of seeds, or as many as fit into a time.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::{
    ops::Range,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use simpul_sim::{Options, faults::Fault, minimise, plant::Plant, run, run_many};

/// Runs seeds of the simulator.
#[derive(Debug, Parser)]
struct Arguments {
    /// Runs one seed and prints what happened.
    #[arg(long)]
    seed: Option<u64>,
    /// Runs a range of seeds, such as `0..50000`.
    #[arg(long, value_parser = range)]
    seeds: Option<Range<u64>>,
    /// Runs new seeds for so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Makes the failing seed smaller before it is printed.
    #[arg(long)]
    minimise: bool,
    /// Leaves faults out, by their names.
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    /// Plants a bug, by its name.
    #[arg(long)]
    plant: Option<String>,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let parsed = text
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parsed.ok_or_else(|| format!("{text} is not a range such as 0..50000"))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let plant = |name: &String| {
        Plant::ALL
            .iter()
            .copied()
            .find(|plant| format!("{plant:?}") == *name)
    };
    let left_out = |fault: &&Fault| arguments.without.contains(&format!("{fault:?}"));
    let options = Options {
        plant: arguments.plant.as_ref().and_then(plant),
        without: Fault::ALL.iter().filter(left_out).copied().collect(),
        ..Options::default()
    };
    if arguments.plant.is_some() && options.plant.is_none() {
        println!("planted bugs: {:?}", Plant::ALL);
        return ExitCode::FAILURE;
    }
    if let Some(seed) = arguments.seed {
        return one(seed, options, arguments.minimise);
    }
    let started = Instant::now();
    let seconds = Duration::from_secs(arguments.seconds.unwrap_or(u64::MAX));
    let first = if arguments.seconds.is_some() { fresh() } else { 0 };
    let seeds = arguments.seeds.unwrap_or(first..u64::MAX);
    println!("seeds from {}", seeds.start);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let summary = run_many(seeds, &options, threads, || started.elapsed() >= seconds);
    println!("{}", summary.text(started.elapsed()));
    for (seed, violation) in summary.failures.iter().take(20) {
        println!("seed {seed}: {violation}");
    }
    ExitCode::from(u8::from(!summary.failures.is_empty()))
}

/// Where a soak begins: nobody has run these seeds yet.
#[expect(
    clippy::disallowed_methods,
    reason = "a soak starts somewhere else every time, and prints where"
)]
fn fresh() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs()) << 24
}

fn one(seed: u64, options: Options, smaller: bool) -> ExitCode {
    let mut options = options;
    if smaller && let Some((least, _)) = minimise(seed, &options) {
        println!(
            "without {:?}, happenings {:?}, storm {:?}",
            least.without, least.happenings, least.storm
        );
        options = least;
    }
    options.keep_trace = true;
    let outcome = run(seed, &options);
    println!("swarm: {:?}", outcome.swarm);
    for line in &outcome.trace {
        println!("{line}");
    }
    println!("{} steps, hash {:016x}", outcome.steps, outcome.hash);
    match outcome.violation {
        Some(violation) => {
            println!("VIOLATED: {violation}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}
