//! Cases that are drawn: the same ones in every run, so that a failure comes again. Another seed draws others.

use proptest::{
    strategy::{Strategy, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// Draws cases where an answer is waited for between them.
pub(super) struct Chance {
    seed: u64,
    runner: TestRunner,
}

impl Chance {
    pub(super) fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "which cases are drawn")]
        let seed = std::env::var("WALK_SEED");
        let seed = seed.map_or(1, |seed| seed.parse().expect("a number"));
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&u64::to_le_bytes(seed));
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let runner = TestRunner::new_with_rng(Config::default(), rng);
        Self { seed, runner }
    }

    pub(super) fn draw<S: Strategy>(&mut self, strategy: S) -> S::Value {
        strategy.new_tree(&mut self.runner).expect("generated").current()
    }

    /// One of several.
    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.draw(0..of.len())]
    }
}

impl Drop for Chance {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "who sees it fail repeats it")]
            {
                eprintln!("drawn with WALK_SEED={}", self.seed);
            }
        }
    }
}
