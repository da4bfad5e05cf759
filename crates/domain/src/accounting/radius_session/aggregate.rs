//! State and decisions of a session's stream.

use serde::{Deserialize, Serialize};

use super::{
    EndCorrected, RadiusSessionCommand, RadiusSessionError, RadiusSessionEvent, Stopped, UsageRecorded,
};
use crate::{
    Decider,
    accounting::{SessionRow, Usage},
    aggregate,
};

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RadiusSessionStatus {
    #[default]
    Absent,
    Open,
    /// `told`: the router said so.
    Over {
        told: bool,
    },
}

/// One session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RadiusSession {
    status: RadiusSessionStatus,
    usage: Usage,
}

aggregate!(RadiusSession);

impl RadiusSession {
    /// As the session's row shows it. Of a row that was forgotten and began anew the stream may know more.
    pub fn of(row: &SessionRow) -> Self {
        let status = row.ended.map_or(RadiusSessionStatus::Open, |ended| {
            let told = ended.told_at.is_some();
            RadiusSessionStatus::Over { told }
        });
        Self {
            status,
            usage: row.said.usage,
        }
    }

    pub const fn status(&self) -> RadiusSessionStatus {
        self.status
    }

    /// What is known of it.
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// As far as either has come: a row that was forgotten begins anew, and knows less than the log.
    fn grown(&self, usage: Usage) -> Usage {
        self.usage.joined(usage)
    }
}

impl Decider for RadiusSession {
    const TYPE: &'static str = "accounting.radius_session";
    const STATE_VERSION: i32 = 1;
    type Command = RadiusSessionCommand;
    type Event = RadiusSessionEvent;
    type Error = RadiusSessionError;

    fn decide(&self, command: RadiusSessionCommand) -> Result<Vec<RadiusSessionEvent>, RadiusSessionError> {
        match (self.status, command) {
            (RadiusSessionStatus::Absent, RadiusSessionCommand::Start(started)) => {
                Ok(vec![RadiusSessionEvent::Started(started)])
            }
            // Its row was forgotten (it is over for months), and a packet of it came.
            (
                RadiusSessionStatus::Open | RadiusSessionStatus::Over { .. },
                RadiusSessionCommand::Start(_),
            )
            | (RadiusSessionStatus::Over { .. }, RadiusSessionCommand::Stop(_))
            | (RadiusSessionStatus::Over { told: true }, RadiusSessionCommand::CorrectEnd(_)) => {
                Ok(Vec::new())
            }
            (
                RadiusSessionStatus::Absent,
                RadiusSessionCommand::RecordUsage(_)
                | RadiusSessionCommand::Stop(_)
                | RadiusSessionCommand::CorrectEnd(_),
            ) => Err(RadiusSessionError::NotStarted),
            (
                RadiusSessionStatus::Open | RadiusSessionStatus::Over { .. },
                RadiusSessionCommand::RecordUsage(recorded),
            ) => {
                let usage = self.grown(recorded.usage);
                if usage == self.usage {
                    return Ok(Vec::new());
                }
                let recorded = UsageRecorded { usage, ..recorded };
                Ok(vec![RadiusSessionEvent::UsageRecorded(recorded)])
            }
            (RadiusSessionStatus::Open, RadiusSessionCommand::Stop(stopped)) => {
                let usage = self.grown(stopped.usage);
                Ok(vec![RadiusSessionEvent::Stopped(Stopped { usage, ..stopped })])
            }
            (RadiusSessionStatus::Open, RadiusSessionCommand::CorrectEnd(_)) => {
                Err(RadiusSessionError::NotStopped)
            }
            (RadiusSessionStatus::Over { told: false }, RadiusSessionCommand::CorrectEnd(corrected)) => {
                let usage = self.grown(corrected.usage);
                let corrected = EndCorrected { usage, ..corrected };
                Ok(vec![RadiusSessionEvent::EndCorrected(corrected)])
            }
        }
    }

    fn evolve(&mut self, event: &RadiusSessionEvent) {
        match event {
            RadiusSessionEvent::Started(_) => self.status = RadiusSessionStatus::Open,
            RadiusSessionEvent::UsageRecorded(recorded) => self.usage = recorded.usage,
            RadiusSessionEvent::Stopped(stopped) => {
                self.status = RadiusSessionStatus::Over { told: stopped.told };
                self.usage = stopped.usage;
            }
            RadiusSessionEvent::EndCorrected(corrected) => {
                self.status = RadiusSessionStatus::Over { told: true };
                self.usage = corrected.usage;
            }
        }
    }
}
