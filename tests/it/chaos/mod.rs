//! Faults between and below real processes (docs/adr/0050): a crowd of clients, something that fails, and what is true
//! afterwards. Which test shows which fault is in `simpul_chaos::fault`.

mod broker;
mod check;
mod clients;
mod clocks;
mod cluster;
mod crowd;
mod database;
mod failover;
mod files;
mod full;
mod messenger;
mod names;
mod neighbours;
mod processes;
mod releases;
mod routers;
mod table;

use std::path::PathBuf;

use simpul_chaos::{
    fault::{self, Fault},
    history::Verdict,
    report::Outcome,
};

/// One test of one fault.
#[derive(Debug)]
pub(crate) struct Trial {
    fault: &'static Fault,
    test: &'static str,
    seed: u64,
}

impl Trial {
    pub(crate) fn of(word: &str, test: &'static str) -> Self {
        let fault = fault::find(word).expect("a fault of the table");
        #[expect(clippy::disallowed_methods, reason = "what ./dev chaos was told")]
        let seed = std::env::var("CHAOS_SEED");
        let seed = seed.map_or(1, |seed| seed.parse().expect("a number"));
        #[expect(clippy::print_stderr, reason = "who sees it fail repeats it")]
        {
            eprintln!("{} {}: seed {seed}", fault.number, fault.word);
        }
        Self { fault, test, seed }
    }

    fn rng(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed)
    }

    /// What is written down, after it was found to be sound.
    pub(crate) fn outcome(&self, verdict: Verdict, strikes: usize) -> Outcome {
        Outcome::new(self.fault, self.test, self.seed, verdict, strikes)
    }
}

/// Writes it where `./dev chaos` looks.
pub(crate) fn keep(outcome: &Outcome) {
    let here = std::env::current_exe().expect("this test");
    let target: PathBuf = here.ancestors().nth(3).expect("the target folder").join("chaos");
    outcome.write(&target).expect("written");
}
