//! Cases that are drawn: the same ones in every run, so that a failure comes again.

use proptest::{
    strategy::{Strategy, ValueTree as _},
    test_runner::TestRunner,
};

/// Draws cases where an answer is waited for between them.
pub(super) struct Chance(TestRunner);

impl Chance {
    pub(super) fn new() -> Self {
        Self(TestRunner::deterministic())
    }

    pub(super) fn draw<S: Strategy>(&mut self, strategy: S) -> S::Value {
        strategy.new_tree(&mut self.0).expect("generated").current()
    }

    /// One of several.
    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.draw(0..of.len())]
    }
}
