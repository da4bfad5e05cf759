//! State and decisions of a tenant's runs.

use std::collections::VecDeque;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    Excess, IsolirRunsCommand, IsolirRunsError, IsolirRunsEvent, RunApproved, RunBegan, RunDeclined,
};
use crate::{Decider, aggregate, tenancy::settings::BlastRadius};

/// A run of so many lines is never held.
pub const NEVER_HELD: u32 = 10;
/// Runs that it takes to know what is usual.
pub const USUAL_FROM: usize = 5;
/// Runs that what is usual is reckoned from.
const REMEMBERED: usize = 30;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunStatus {
    /// Within its limits.
    Going,
    /// Waits for somebody.
    Held,
    Approved,
    Declined,
}

/// The run of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub date: NaiveDate,
    pub status: RunStatus,
    pub lines: u32,
    pub of: u32,
    pub usual: Option<u32>,
    pub held: Option<Excess>,
}

/// The runs of one tenant. Its id is the tenant's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IsolirRuns {
    /// Lines of the latest runs that went on, the oldest first.
    recent: VecDeque<u32>,
    run: Option<Run>,
}

aggregate!(IsolirRuns);

impl IsolirRuns {
    /// The latest run.
    pub const fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// Whether the run of that day has begun. A day before the latest run's is over.
    pub fn has_begun(&self, date: NaiveDate) -> bool {
        self.run.is_some_and(|run| run.date >= date)
    }

    /// Whether lines are isolated now.
    pub fn goes_on(&self) -> bool {
        self.run.is_some_and(|run| match run.status {
            RunStatus::Going | RunStatus::Approved => true,
            RunStatus::Held | RunStatus::Declined => false,
        })
    }

    /// Lines of an average run of late, rounded up.
    fn usual(&self) -> Option<u32> {
        let runs = u64::try_from(self.recent.len()).ok()?;
        if self.recent.len() < USUAL_FROM {
            return None;
        }
        let sum: u64 = self.recent.iter().copied().map(u64::from).sum();
        u32::try_from(sum.div_ceil(runs)).ok()
    }

    fn excess(&self, lines: u32, of: u32, limits: BlastRadius) -> Option<Excess> {
        if lines <= NEVER_HELD {
            return None;
        }
        let (percent, times) = (limits.max_percent.get(), limits.max_times_usual.get());
        if u64::from(lines) * 100 > u64::from(of) * u64::from(percent) {
            return Some(Excess::Percent(percent));
        }
        let usual = u64::from(self.usual()?.max(1));
        (u64::from(lines) > usual * u64::from(times)).then_some(Excess::TimesUsual(times))
    }

    fn held(&self, date: NaiveDate) -> Result<&Run, IsolirRunsError> {
        match &self.run {
            Some(run) if run.date == date => Ok(run),
            Some(_) | None => Err(IsolirRunsError::NotCurrent { date }),
        }
    }

    fn settle(&mut self, status: RunStatus) {
        let Some(run) = &mut self.run else {
            return;
        };
        run.status = status;
        if matches!(status, RunStatus::Going | RunStatus::Approved) {
            self.recent.push_back(run.lines);
            if self.recent.len() > REMEMBERED {
                self.recent.pop_front();
            }
        }
    }
}

impl Decider for IsolirRuns {
    const TYPE: &'static str = "billing.isolir_runs";
    const STATE_VERSION: i32 = 1;
    type Command = IsolirRunsCommand;
    type Event = IsolirRunsEvent;
    type Error = IsolirRunsError;

    fn decide(&self, command: IsolirRunsCommand) -> Result<Vec<IsolirRunsEvent>, IsolirRunsError> {
        match command {
            IsolirRunsCommand::Begin {
                date,
                lines,
                of,
                limits,
                at,
            } => {
                if self.has_begun(date) {
                    return Ok(Vec::new());
                }
                Ok(vec![IsolirRunsEvent::Began(RunBegan {
                    date,
                    lines,
                    of,
                    usual: self.usual(),
                    held: self.excess(lines, of, limits),
                    at,
                })])
            }
            IsolirRunsCommand::Approve { date, at } => match self.held(date)?.status {
                RunStatus::Held => Ok(vec![IsolirRunsEvent::Approved(RunApproved { date, at })]),
                RunStatus::Approved => Ok(Vec::new()),
                status @ (RunStatus::Going | RunStatus::Declined) => Err(IsolirRunsError::NotHeld { status }),
            },
            IsolirRunsCommand::Decline { date, reason, at } => match self.held(date)?.status {
                RunStatus::Held => Ok(vec![IsolirRunsEvent::Declined(RunDeclined { date, reason, at })]),
                RunStatus::Declined => Ok(Vec::new()),
                status @ (RunStatus::Going | RunStatus::Approved) => Err(IsolirRunsError::NotHeld { status }),
            },
        }
    }

    fn evolve(&mut self, event: &IsolirRunsEvent) {
        match event {
            IsolirRunsEvent::Began(began) => {
                self.run = Some(Run {
                    date: began.date,
                    status: RunStatus::Held,
                    lines: began.lines,
                    of: began.of,
                    usual: began.usual,
                    held: began.held,
                });
                if began.held.is_none() {
                    self.settle(RunStatus::Going);
                }
            }
            IsolirRunsEvent::Approved(_) => self.settle(RunStatus::Approved),
            IsolirRunsEvent::Declined(_) => self.settle(RunStatus::Declined),
        }
    }
}
