//! Backups as files: a dump that is compressed and encrypted while it is made, a manifest that proves it, and the way
//! back (`facts/integrations.md` section 12, ADR 54).
//!
//! The dump is `pg_dump`'s, then zstd, then age: whoever holds the identity restores with stock programs alone. The
//! server knows recipients only. Everything here blocks, and belongs on a blocking thread.
//!
//! INVARIANT: no plaintext is ever written to a disk; a backup is one only when its manifest is there, and the manifest is
//! written last; no program's failure goes unnoticed, because every exit status is looked at.

mod archive;
mod bucket;
mod folder;
mod lines;
mod manifest;
mod programs;
mod shelf;

#[cfg(test)]
mod tests;

pub use archive::{Archive, Made, Proved, dump};
pub use bucket::{Bucket, BucketSettings};
pub use folder::Folder;
pub use lines::{open_lines, seal_lines};
pub use manifest::{Manifest, ManifestError, Tools};
pub use programs::{Programs, Run};
pub use shelf::{Draft, Shelf};

pub use age::x25519::{Identity, Recipient};

/// Why a backup was not made, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("the archive cannot be kept or read")]
    Io(#[from] std::io::Error),
    #[error("{program} cannot be started")]
    Start {
        program: &'static str,
        source: std::io::Error,
    },
    /// What it said last; never rows.
    #[error("{program} failed: {said}")]
    Failed { program: &'static str, said: String },
    #[error("nobody could decrypt it: give backup.recipients")]
    NoRecipient,
    #[error("the archive cannot be encrypted")]
    Encrypt(#[source] age::EncryptError),
    /// Another key, or no age file at all.
    #[error("the archive cannot be decrypted with this identity")]
    Decrypt(#[source] age::DecryptError),
    /// Cut off, changed on the way, or not the archive of this manifest.
    #[error("the archive is not what its manifest says: {what}")]
    Tampered { what: &'static str },
    #[error("no age identity is in the file: a line that begins with AGE-SECRET-KEY-1")]
    NoIdentity,
    #[error("{0} is not an age recipient")]
    NotARecipient(String),
    #[error("the database's URL cannot be used")]
    Url,
}

/// Reads the first identity of a key file as `age-keygen` writes it.
pub fn identity(text: &str) -> Result<Identity, BackupError> {
    text.lines()
        .find_map(|line| line.trim().parse().ok())
        .ok_or(BackupError::NoIdentity)
}

/// Reads a public key, `age1…`.
pub fn recipient(text: &str) -> Result<Recipient, BackupError> {
    text.parse()
        .map_err(|_| BackupError::NotARecipient(text.to_owned()))
}
