//! What happened to a backup.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BackupId, stored_events};

/// Events of `platform.backup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BackupEvent {
    #[serde(rename = "platform.backup.made")]
    Made(BackupMade),
    #[serde(rename = "platform.backup.failed")]
    Failed(BackupFailed),
    #[serde(rename = "platform.backup.verified")]
    Verified(BackupVerified),
    #[serde(rename = "platform.backup.restored")]
    Restored(BackupRestored),
    #[serde(rename = "platform.backup.expired")]
    Expired(BackupExpired),
}

stored_events!(BackupEvent {
    Made => "platform.backup.made", "1";
    Failed => "platform.backup.failed", "1";
    Verified => "platform.backup.verified", "1";
    Restored => "platform.backup.restored", "1";
    Expired => "platform.backup.expired", "1";
});

/// It is stored, whole, with its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupMade {
    pub backup: BackupId,
    /// Its name where it is kept.
    pub name: String,
    /// The instant that it shows.
    pub taken_at: DateTime<Utc>,
    /// Of the encrypted archive.
    pub size_bytes: u64,
    /// Lower-case hex of the encrypted archive's SHA-256.
    pub sha256: String,
    pub store_epoch: i64,
    pub tenants: u64,
    /// Events in all logs.
    pub events: u64,
    pub at: DateTime<Utc>,
}

/// Nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupFailed {
    pub backup: BackupId,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// It was read back: hash, decryption, every byte of the dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupVerified {
    pub backup: BackupId,
    pub at: DateTime<Utc>,
}

/// What was done about everything outside that knows more than the restored store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Reconciled {
    /// Sessions that were ended.
    pub sessions: u64,
    /// Invitations and other single-use secrets that are good no more.
    pub tickets: u64,
    /// Messages that may have been sent after the backup: a person decides.
    pub messages: u64,
    /// Lines that their routers are asked about again.
    pub lines: u64,
    /// Payments that gateways know and the backup did not.
    pub payments: u64,
    /// Persons who were erased after the backup, and are erased again.
    pub erased: u64,
}

/// The store was made from it. Everything between `taken_at` and `at` is lost unless the world outside gave it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupRestored {
    pub backup: BackupId,
    pub name: String,
    pub taken_at: DateTime<Utc>,
    pub from_epoch: i64,
    /// Positions may repeat: whoever remembers one remembers its epoch.
    pub to_epoch: i64,
    pub reconciled: Reconciled,
    pub at: DateTime<Utc>,
}

/// It was removed, because newer ones keep what the retention promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupExpired {
    pub backup: BackupId,
    pub at: DateTime<Utc>,
}
