//! Every write that reached the router, so that a test can prove that none was stale or repeated.

use std::collections::VecDeque;
use std::time::Duration;

use crate::codec::Sentence;

/// Entries kept; older ones are forgotten, so that a simulator may run for weeks.
const KEPT: usize = 100_000;

/// One write command as it was received. `Debug` masks secrets.
#[derive(Debug, Clone)]
pub struct JournalEntry {
    /// Counts from 1 over the router's life.
    pub number: u64,
    /// Since the router's start.
    pub at: Duration,
    /// Which API session sent it.
    pub session: u64,
    /// The words as received.
    pub sentence: Sentence,
    /// Whether it took effect: not refused and not dropped before.
    pub applied: bool,
}

impl JournalEntry {
    /// The command path.
    pub fn path(&self) -> String {
        String::from_utf8_lossy(self.sentence.first()).into_owned()
    }

    /// The value of an attribute as text.
    pub fn value(&self, name: &str) -> Option<String> {
        self.sentence
            .value(name)
            .map(|value| String::from_utf8_lossy(&value).into_owned())
    }
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: VecDeque<JournalEntry>,
    written: u64,
}

impl Journal {
    pub(super) fn record(&mut self, at: Duration, session: u64, sentence: Sentence, applied: bool) {
        self.written += 1;
        if self.entries.len() >= KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(JournalEntry {
            number: self.written,
            at,
            session,
            sentence,
            applied,
        });
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &JournalEntry> {
        self.entries.iter()
    }
}
