//! What can be asked of a backup.

use chrono::{DateTime, Utc};

use super::{BackupFailed, BackupMade, BackupRestored};

/// Commands of `platform.backup`. What happened has happened: they record it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupCommand {
    RecordMade(Box<BackupMade>),
    RecordFailed(BackupFailed),
    RecordVerified { at: DateTime<Utc> },
    RecordRestored(Box<BackupRestored>),
    RecordExpired { at: DateTime<Utc> },
}
