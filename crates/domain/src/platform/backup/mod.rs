//! One backup of the whole store: made or failed; then proved readable, restored, and given up when newer ones take its
//! place.
//!
//! A backup is written down after it was made, so that no backup holds the record of itself: where it is restored, its
//! stream begins with the restore.

mod aggregate;
mod command;
mod error;
mod event;
pub mod retention;

pub use aggregate::{Backup, BackupStatus};
pub use command::BackupCommand;
pub use error::BackupError;
pub use event::{
    BackupEvent, BackupExpired, BackupFailed, BackupMade, BackupRestored, BackupVerified, Reconciled,
};
