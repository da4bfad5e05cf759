//! `./dev chaos`: runs the tests of one fault or of all, and prints what they found.
#![expect(clippy::print_stdout, reason = "a command line tool")]

use std::{
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::Context as _;
use clap::Parser;
use simpul_chaos::{
    fault::{self, Fault},
    report,
};

/// Where results are.
const RESULTS: &str = "target/chaos";

/// Makes faults happen to real processes, and says what held.
#[derive(Debug, Parser)]
struct Arguments {
    /// Word or number of a fault; all of them if not given.
    fault: Option<String>,
    /// What chance is drawn from; printed with every result.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only list the faults.
    #[arg(long)]
    list: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.list {
        list();
        return Ok(ExitCode::SUCCESS);
    }
    let faults: Vec<&Fault> = match &arguments.fault {
        Some(name) => {
            vec![fault::find(name).with_context(|| format!("there is no fault {name}: see --list"))?]
        }
        None => fault::ALL.iter().collect(),
    };
    let results = Path::new(RESULTS);
    report::forget(results, &faults).context("old results stay")?;
    let passed = run(&faults, arguments.seed)?;
    println!("\n{}", report::table(results, &faults)?);
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn list() {
    for fault in fault::ALL {
        println!(
            "{:<5} {:<18} {} [{} tests]",
            fault.number,
            fault.word,
            fault.what,
            fault.tests.len()
        );
    }
}

/// Whether every test has passed.
fn run(faults: &[&Fault], seed: u64) -> anyhow::Result<bool> {
    let filters: Vec<String> = faults.iter().map(|fault| fault.filter()).collect();
    println!("seed {seed}");
    let status = Command::new("cargo")
        .args([
            "nextest",
            "run",
            "--workspace",
            "--locked",
            "--filterset",
            &filters.join(" | "),
        ])
        .env("CHAOS_SEED", seed.to_string())
        .status()
        .context("cargo nextest does not start")?;
    Ok(status.success())
}
