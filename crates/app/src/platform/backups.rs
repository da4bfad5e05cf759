//! What becomes of backups, written down by the part that made them.
//!
//! INVARIANT: one that failed, or is missing, is an event and a letter to every admin of the platform, in one transaction.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    BackupId,
    identity::LetterKind,
    platform::{
        Backup, BackupCommand, BackupEvent,
        backup::{BackupFailed, BackupMade, BackupRestored},
    },
};
use simpul_event_store::{Access, Command, Work};

use crate::{
    Outcome, Refusal, decide,
    identity::{admins, letters::News},
    permission,
};

/// What happened to a backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupNews {
    Made(Box<BackupMade>),
    Failed { reason: String },
    Verified,
    Restored(Box<BackupRestored>),
    Expired,
}

/// Records it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordBackup {
    pub backup: BackupId,
    pub news: BackupNews,
}

impl Command for RecordBackup {
    const NAME: &'static str = "backup.record";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let at = work.at();
        let command = match self.news.clone() {
            BackupNews::Made(made) => BackupCommand::RecordMade(made),
            BackupNews::Failed { reason } => BackupCommand::RecordFailed(BackupFailed {
                backup: self.backup,
                reason,
                at,
            }),
            BackupNews::Verified => BackupCommand::RecordVerified { at },
            BackupNews::Restored(restored) => BackupCommand::RecordRestored(restored),
            BackupNews::Expired => BackupCommand::RecordExpired { at },
        };
        let events = decide::<Backup>(work, &self.backup.to_string(), command).await?;
        for event in events {
            if let BackupEvent::Failed(failed) = event {
                let (may, kind) = (permission::PLATFORM_TENANTS, LetterKind::BackupFailed);
                let news = News::BackupFailed {
                    reason: failed.reason,
                };
                admins::tell(work, may, kind, &news).await?;
            }
        }
        Ok(())
    }
}
