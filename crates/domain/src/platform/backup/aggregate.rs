//! State and decisions of a backup.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BackupCommand, BackupError, BackupEvent, BackupExpired, BackupVerified};
use crate::{BackupId, Decider, aggregate};

/// Where a backup stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BackupStatus {
    #[default]
    Absent,
    Made,
    Failed,
    Verified,
    /// The store was made from it; whether it still exists is known to the store of before.
    Restored,
    Expired,
}

/// One backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Backup {
    status: BackupStatus,
    id: Option<BackupId>,
}

aggregate!(Backup);

impl Backup {
    pub const fn status(&self) -> BackupStatus {
        self.status
    }

    fn verified(&self, at: DateTime<Utc>) -> Result<Vec<BackupEvent>, BackupError> {
        let backup = self.id.ok_or(BackupError::NotFound)?;
        Ok(vec![BackupEvent::Verified(BackupVerified { backup, at })])
    }

    fn expired(&self, at: DateTime<Utc>) -> Result<Vec<BackupEvent>, BackupError> {
        let backup = self.id.ok_or(BackupError::NotFound)?;
        Ok(vec![BackupEvent::Expired(BackupExpired { backup, at })])
    }
}

impl Decider for Backup {
    const TYPE: &'static str = "platform.backup";
    const STATE_VERSION: i32 = 1;
    type Command = BackupCommand;
    type Event = BackupEvent;
    type Error = BackupError;

    fn decide(&self, command: BackupCommand) -> Result<Vec<BackupEvent>, BackupError> {
        use BackupStatus::{Absent, Expired, Failed, Made, Restored, Verified};
        match (command, self.status) {
            (BackupCommand::RecordMade(made), Absent) => Ok(vec![BackupEvent::Made(*made)]),
            (BackupCommand::RecordFailed(failed), Absent) => Ok(vec![BackupEvent::Failed(failed)]),
            (BackupCommand::RecordMade(_), Made | Verified)
            | (BackupCommand::RecordFailed(_), Failed)
            | (BackupCommand::RecordExpired { .. }, Expired) => Ok(Vec::new()),
            (BackupCommand::RecordMade(_), Failed | Restored | Expired)
            | (BackupCommand::RecordFailed(_), Made | Verified | Restored | Expired) => {
                Err(BackupError::OtherOutcome)
            }
            // Every proof counts: what was readable last month may not be today.
            (BackupCommand::RecordVerified { at }, Made | Verified | Restored) => self.verified(at),
            (BackupCommand::RecordRestored(restored), Absent | Made | Verified | Restored) => {
                Ok(vec![BackupEvent::Restored(*restored)])
            }
            (BackupCommand::RecordExpired { at }, Made | Verified | Restored) => self.expired(at),
            (BackupCommand::RecordVerified { .. } | BackupCommand::RecordRestored(_), Expired) => {
                Err(BackupError::Expired)
            }
            (BackupCommand::RecordVerified { .. } | BackupCommand::RecordExpired { .. }, Absent | Failed)
            | (BackupCommand::RecordRestored(_), Failed) => Err(BackupError::NotFound),
        }
    }

    fn evolve(&mut self, event: &BackupEvent) {
        (self.status, self.id) = match event {
            BackupEvent::Made(made) => (BackupStatus::Made, Some(made.backup)),
            BackupEvent::Failed(failed) => (BackupStatus::Failed, Some(failed.backup)),
            BackupEvent::Verified(verified) => (BackupStatus::Verified, Some(verified.backup)),
            BackupEvent::Restored(restored) => (BackupStatus::Restored, Some(restored.backup)),
            BackupEvent::Expired(expired) => (BackupStatus::Expired, Some(expired.backup)),
        };
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::platform::backup::{BackupFailed, BackupMade, BackupRestored, Reconciled};

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn id() -> BackupId {
        BackupId::new(Uuid::from_u128(7))
    }

    fn made() -> BackupCommand {
        BackupCommand::RecordMade(Box::new(BackupMade {
            backup: id(),
            name: "20261126T020000Z-000007".to_owned(),
            taken_at: AT,
            size_bytes: 1,
            sha256: "00".repeat(32),
            store_epoch: 1,
            tenants: 1,
            events: 1,
            at: AT,
        }))
    }

    fn failed() -> BackupCommand {
        BackupCommand::RecordFailed(BackupFailed {
            backup: id(),
            reason: "the disk is full".to_owned(),
            at: AT,
        })
    }

    fn restored() -> BackupCommand {
        BackupCommand::RecordRestored(Box::new(BackupRestored {
            backup: id(),
            name: "20261126T020000Z-000007".to_owned(),
            taken_at: AT,
            from_epoch: 1,
            to_epoch: 2,
            reconciled: Reconciled::default(),
            at: AT,
        }))
    }

    fn verified() -> BackupCommand {
        BackupCommand::RecordVerified { at: AT }
    }

    fn expired() -> BackupCommand {
        BackupCommand::RecordExpired { at: AT }
    }

    /// What a status answers to each command.
    type Row<'a> = (&'a [BackupCommand], [Result<usize, BackupError>; 5]);

    /// What a command leads to after others: the number of events, or the refusal.
    fn after(before: &[BackupCommand], command: BackupCommand) -> Result<usize, BackupError> {
        let mut backup = Backup::default();
        for command in before {
            for event in backup.decide(command.clone()).expect("given") {
                backup.evolve(&event);
            }
        }
        backup.decide(command).map(|events| events.len())
    }

    #[test]
    fn every_status_answers_every_command() {
        use BackupError::{Expired, NotFound, OtherOutcome};
        let (absent, has_failed): (&[_], &[_]) = (&[], &[failed()]);
        let (is_made, is_verified): (&[_], &[_]) = (&[made()], &[made(), verified()]);
        let (is_restored, is_expired): (&[_], &[_]) = (&[restored()], &[made(), expired()]);
        let rows: [Row<'_>; 6] = [
            (absent, [Ok(1), Ok(1), Err(NotFound), Ok(1), Err(NotFound)]),
            (
                has_failed,
                [
                    Err(OtherOutcome),
                    Ok(0),
                    Err(NotFound),
                    Err(NotFound),
                    Err(NotFound),
                ],
            ),
            (is_made, [Ok(0), Err(OtherOutcome), Ok(1), Ok(1), Ok(1)]),
            (is_verified, [Ok(0), Err(OtherOutcome), Ok(1), Ok(1), Ok(1)]),
            (
                is_restored,
                [Err(OtherOutcome), Err(OtherOutcome), Ok(1), Ok(1), Ok(1)],
            ),
            (
                is_expired,
                [
                    Err(OtherOutcome),
                    Err(OtherOutcome),
                    Err(Expired),
                    Err(Expired),
                    Ok(0),
                ],
            ),
        ];
        for (before, expected) in rows {
            let commands = [made(), failed(), verified(), restored(), expired()];
            for (command, expected) in commands.into_iter().zip(expected) {
                assert_eq!(
                    after(before, command.clone()),
                    expected,
                    "{before:?} then {command:?}"
                );
            }
        }
    }
}
