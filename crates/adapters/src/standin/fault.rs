//! Misbehaviour on command, one fault per request, first in, first out.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// Nothing is done; the answer is this HTTP status with a page for people.
    Status { status: u16 },
    /// Nothing is done; the protocol's own refusal with these words.
    Refuse { reason: String },
    /// It is done, but the answer never comes.
    LoseAnswer,
    /// Nothing is done, and the answer never comes.
    Silence,
    /// It is done, but late.
    Slow { delay_ms: u64 },
    /// It is done, but the answer cannot be read.
    Rubbish,
}

/// Faults that wait for their request.
#[derive(Debug)]
pub(super) struct Faults<Endpoint>(VecDeque<(Endpoint, Fault)>);

impl<Endpoint> Default for Faults<Endpoint> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<Endpoint: PartialEq + Copy> Faults<Endpoint> {
    pub(super) fn inject(&mut self, endpoint: Endpoint, fault: &Fault, times: u16) {
        self.0.extend((0..times).map(|_| (endpoint, fault.clone())));
    }

    pub(super) fn take(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let index = self.0.iter().position(|(at, _)| *at == endpoint)?;
        self.0.remove(index).map(|(_, fault)| fault)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
