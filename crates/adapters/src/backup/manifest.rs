//! What a backup holds, written beside it, last: a line of JSON and a line that proves it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::BackupId;
use simpul_event_store::{Vault, backup::Facts};
use subtle::ConstantTimeEq as _;

use super::Made;

/// Version of the format.
const FORMAT: u32 = 1;
/// Ending of a manifest's name.
const ENDING: &str = ".manifest";
/// Ending of an archive's name: how to open it with stock programs.
const ARCHIVE: &str = ".dump.zst.age";
const PURPOSE: &str = "simpul/backup-manifest/v1";

/// Versions of what made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tools {
    pub simpul: String,
    /// As it says itself.
    pub pg_dump: String,
}

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub backup: BackupId,
    /// Shared by the manifest and the archive; begins with the instant.
    pub name: String,
    /// The instant that it shows.
    pub taken_at: DateTime<Utc>,
    pub archive: Made,
    pub facts: Facts,
    pub tools: Tools,
    /// Who can decrypt it.
    pub recipients: Vec<String>,
}

/// Why a manifest is not believed.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("there is no backup {0}")]
    Missing(String),
    #[error("the manifest cannot be read")]
    Malformed(#[from] serde_json::Error),
    #[error("the manifest was written by a newer version: format {0}")]
    Newer(u32),
    /// Somebody changed it, or the master key is not the one of the store that was backed up.
    #[error("the manifest is not proved by this master key")]
    NotProved,
}

impl Manifest {
    pub fn new(
        (backup, name, taken_at): (BackupId, String, DateTime<Utc>),
        archive: Made,
        facts: Facts,
        tools: Tools,
        recipients: Vec<String>,
    ) -> Self {
        Self {
            format: FORMAT,
            backup,
            name,
            taken_at,
            archive,
            facts,
            tools,
            recipients,
        }
    }

    /// Names sort by time, and no two are the same.
    pub fn name_of(backup: BackupId, taken_at: DateTime<Utc>) -> String {
        let unique = backup.as_uuid().simple().to_string();
        format!("{}-{}", Self::stamp(taken_at), &unique[26..])
    }

    /// How the names of an instant begin.
    pub fn stamp(at: DateTime<Utc>) -> String {
        at.format("%Y%m%dT%H%M%SZ").to_string()
    }

    pub fn archive_name(name: &str) -> String {
        format!("{name}{ARCHIVE}")
    }

    pub fn file_name(name: &str) -> String {
        format!("{name}{ENDING}")
    }

    /// Names of the backups among names of files.
    pub fn backups(files: &[String]) -> Vec<&str> {
        files
            .iter()
            .filter_map(|file| file.strip_suffix(ENDING))
            .collect()
    }

    /// Names of archives without a manifest: what a killed process left.
    pub fn orphans(files: &[String]) -> Vec<&str> {
        let whole: BTreeSet<&str> = Self::backups(files).into_iter().collect();
        files
            .iter()
            .filter(|file| {
                file.strip_suffix(ARCHIVE)
                    .is_some_and(|name| !whole.contains(name))
            })
            .map(String::as_str)
            .collect()
    }

    /// The file's content.
    pub fn write(&self, vault: &Vault) -> Result<String, ManifestError> {
        let line = serde_json::to_string(self)?;
        let proof = hex::encode(vault.prove(PURPOSE, line.as_bytes()));
        Ok(format!("{line}\n{proof}\n"))
    }

    /// Believes nothing before the proof.
    pub fn read(text: &str, vault: &Vault) -> Result<Self, ManifestError> {
        let mut lines = text.lines();
        let (line, proof) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let proof = hex::decode(proof).unwrap_or_default();
        if !bool::from(vault.prove(PURPOSE, line.as_bytes()).ct_eq(proof.as_slice())) {
            return Err(ManifestError::NotProved);
        }
        let format: Format = serde_json::from_str(line)?;
        if format.format > FORMAT {
            return Err(ManifestError::Newer(format.format));
        }
        Ok(serde_json::from_str(line)?)
    }
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}
