//! One run on one lane, without I/O: what to do next, given what happened.
//!
//! read what is wanted → connect → is it the right router? → look → change → look again → end old sessions → look →
//! say that they are gone → proof. Every step may fail; then the run ends and the next one begins from the start.

use simpul_domain::{RouterId, network::desired::DesiredState, network::provisioning::FailureKind};

use super::diff::{Actual, Op, Session, escapes, gives_service, observed, outdated, plan, settle};

/// Rounds of changing and looking again before the run gives up.
const MAX_ROUNDS: u32 = 3;
/// Pause after sessions were ended, before looking whether they are gone.
const GONE_MS: u64 = 150;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Begin,
    /// What is wanted now; nothing before the first activation.
    Desired(Option<Box<DesiredState>>),
    /// What is wanted cannot be read.
    DesiredUnavailable,
    /// The router is unknown or retired.
    NoRouter,
    /// Logged in. The serial number that the router says, and the one that it should say.
    Connected {
        serial: Option<String>,
        expected: Option<String>,
    },
    /// Everything about the subscription, read completely.
    Actual(Actual),
    /// The write, or the end of a session, was accepted.
    Applied,
    Waited,
    /// The effect failed. Whether a write took effect is not known.
    Failed(FailureKind),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    ReadDesired,
    /// Connect, log in, and ask who it is.
    Connect(RouterId),
    Read,
    Apply(Op),
    /// End a session by its id, if it still is the one with that name.
    Kick(Session),
    Wait {
        ms: u64,
    },
    End(Ending),
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Proved by reading back. `observed` is the canonical text of what was read.
    Confirmed { observed: String },
    /// `lasting`: waiting alone will not cure it.
    Failed { kind: FailureKind, lasting: bool },
    /// The read model is behind the wish: soon again.
    NotYet,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// Reading what is wanted, connecting.
    Opening,
    /// Looking; `kicked` are the sessions that must be gone.
    Looking {
        kicked: Vec<Session>,
    },
    Changing {
        rest: Vec<Op>,
    },
    Kicking {
        rest: Vec<Session>,
        kicked: Vec<Session>,
    },
    Settling {
        observed: String,
    },
}

/// The state of one run.
#[derive(Debug, Clone)]
pub struct Machine {
    wanted: u64,
    confirmed: u64,
    adopt: bool,
    /// In this run: a password that cannot be read is written once.
    password_written: bool,
    desired: Option<Box<DesiredState>>,
    stage: Stage,
    rounds: u32,
}

impl Machine {
    /// `wanted`: the version that must at least be read. `confirmed`: the last one that was proved. `adopt`: take over
    /// an unmarked secret of the same name.
    pub const fn new(wanted: u64, confirmed: u64, adopt: bool) -> Self {
        Self {
            wanted,
            confirmed,
            adopt,
            password_written: false,
            desired: None,
            stage: Stage::Opening,
            rounds: 0,
        }
    }

    /// What this run brings about; known once it was read.
    pub fn desired(&self) -> Option<&DesiredState> {
        self.desired.as_deref()
    }

    /// Takes what happened and says what to do next. After [`Effect::End`] there is no next step.
    pub fn step(&mut self, input: Input) -> Effect {
        match input {
            Input::Begin => Effect::ReadDesired,
            Input::Desired(Some(desired)) if desired.version >= self.wanted => {
                let router = desired.router;
                self.desired = Some(desired);
                Effect::Connect(router)
            }
            Input::Desired(_) | Input::DesiredUnavailable => Effect::End(Ending::NotYet),
            Input::NoRouter => failed(FailureKind::Offline, true),
            Input::Connected { serial, expected } => self.connected(serial.as_deref(), expected.as_deref()),
            Input::Actual(actual) => self.look(&actual),
            Input::Applied => self.applied(),
            Input::Waited => Effect::Read,
            Input::Failed(kind) => failed(kind, lasts(kind)),
        }
    }

    fn connected(&mut self, serial: Option<&str>, expected: Option<&str>) -> Effect {
        // Another router behind the address: nothing is written, and nothing read is believed.
        if expected.is_some() && serial != expected {
            return failed(FailureKind::WrongRouter, true);
        }
        self.stage = Stage::Looking { kicked: Vec::new() };
        Effect::Read
    }

    fn look(&mut self, actual: &Actual) -> Effect {
        let (Some(desired), Stage::Looking { kicked }) = (self.desired.as_deref(), &self.stage) else {
            return failed(FailureKind::Protocol, false);
        };
        let rewrite = !self.password_written && self.confirmed < desired.secret_version;
        let Ok(ops) = plan(desired, actual, self.adopt, rewrite) else {
            return failed(FailureKind::Refused, true);
        };
        let seen = observed(desired, actual);
        if !ops.is_empty() || seen != desired.canonical() {
            return self.change(ops);
        }
        let outdated: Vec<Session> = outdated(desired, actual)
            .into_iter()
            // Whoever dialled again since then has the new state, where there is service at all.
            .filter(|session| {
                let is_renewed = !kicked.is_empty() && !kicked.contains(session);
                !is_renewed || !gives_service(desired) || escapes(desired, actual, session)
            })
            .collect();
        if !outdated.is_empty() {
            return self.kick(outdated);
        }
        match settle(desired, actual) {
            Some(op) => {
                self.stage = Stage::Settling { observed: seen };
                Effect::Apply(op)
            }
            None => Effect::End(Ending::Confirmed { observed: seen }),
        }
    }

    fn change(&mut self, mut ops: Vec<Op>) -> Effect {
        self.rounds += 1;
        if self.rounds > MAX_ROUNDS || ops.is_empty() {
            return failed(FailureKind::ReadBackDiffers, false);
        }
        let first = ops.remove(0);
        self.stage = Stage::Changing { rest: ops };
        self.apply(first)
    }

    /// Whatever fails ends the run, so what is begun counts as done.
    const fn apply(&mut self, op: Op) -> Effect {
        self.password_written |= op.writes_password();
        Effect::Apply(op)
    }

    fn kick(&mut self, mut sessions: Vec<Session>) -> Effect {
        self.rounds += 1;
        if self.rounds > 2 * MAX_ROUNDS {
            return failed(FailureKind::ReadBackDiffers, false);
        }
        let kicked = sessions.clone();
        let first = sessions.remove(0);
        self.stage = Stage::Kicking {
            rest: sessions,
            kicked,
        };
        Effect::Kick(first)
    }

    fn applied(&mut self) -> Effect {
        match &mut self.stage {
            Stage::Changing { rest } => {
                if !rest.is_empty() {
                    let next = rest.remove(0);
                    return self.apply(next);
                }
                self.stage = Stage::Looking { kicked: Vec::new() };
                Effect::Read
            }
            Stage::Kicking { rest, kicked } => {
                if !rest.is_empty() {
                    return Effect::Kick(rest.remove(0));
                }
                self.stage = Stage::Looking {
                    kicked: std::mem::take(kicked),
                };
                Effect::Wait { ms: GONE_MS }
            }
            Stage::Settling { observed } => Effect::End(Ending::Confirmed {
                observed: std::mem::take(observed),
            }),
            Stage::Opening | Stage::Looking { .. } => failed(FailureKind::Protocol, false),
        }
    }
}

const fn failed(kind: FailureKind, lasting: bool) -> Effect {
    Effect::End(Ending::Failed { kind, lasting })
}

/// Whether waiting alone will not cure it: a person has to look. It is still tried again.
const fn lasts(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Tls
        | FailureKind::Auth
        | FailureKind::Permission
        | FailureKind::Refused
        | FailureKind::AddressNotAllowed
        | FailureKind::WrongRouter => true,
        FailureKind::Offline
        | FailureKind::Dns
        | FailureKind::Timeout
        | FailureKind::ReadBackDiffers
        | FailureKind::Protocol => false,
    }
}

#[cfg(test)]
mod tests;
