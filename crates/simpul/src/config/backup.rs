//! Where backups go, who can decrypt them, and how long they are kept.

use std::{num::NonZeroU16, path::PathBuf};

use chrono::TimeDelta;
use secrecy::SecretString;
use serde::Deserialize;
use simpul_adapters::backup::{self, Identity, Recipient};
use simpul_domain::platform::backup::retention::Retention;
use url::Url;

use super::{Config, ConfigError, read};

/// Backups of everything (SPEC section 17).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// `file:///var/backups/simpul`, or `s3://bucket/prefix` with `backup.s3`. Without it none are made.
    pub url: Option<Url>,
    /// Public keys (`age1…`) of those who can decrypt them; two are better than one.
    pub recipients: Vec<String>,
    /// The private key, to verify and to restore. It belongs on no server that makes backups.
    pub identity_file: Option<PathBuf>,
    /// What is lost at most when everything is.
    pub every_minutes: NonZeroU16,
    /// With a newest backup older than this the platform's admins are told, once a day.
    pub alert_after_minutes: NonZeroU16,
    /// Where the newest one is restored into a database of its own every week, to see that it can be: URL of the role that
    /// owns that database, on a server where it may create one. It should not be the server that is backed up.
    pub rehearsal_url: Option<SecretString>,
    pub keep_days: usize,
    pub keep_weeks: usize,
    pub keep_months: usize,
    /// Folder of `pg_dump` and `pg_restore`; searched for if not given.
    pub pg_bin: Option<PathBuf>,
    pub s3: S3,
}

impl Default for Backup {
    fn default() -> Self {
        let keep = Retention::default();
        Self {
            url: None,
            recipients: Vec::new(),
            identity_file: None,
            every_minutes: NonZeroU16::MIN.saturating_add(59),
            alert_after_minutes: NonZeroU16::MIN.saturating_add(149),
            rehearsal_url: None,
            keep_days: keep.daily,
            keep_weeks: keep.weekly,
            keep_months: keep.monthly,
            pg_bin: None,
            s3: S3::default(),
        }
    }
}

/// A service that speaks S3's protocol.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3 {
    pub endpoint: Option<Url>,
    pub region: String,
    pub access_key: String,
    pub secret_key: SecretString,
    /// `endpoint/bucket` instead of `bucket.endpoint`.
    pub path_style: bool,
}

impl Default for S3 {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: "us-east-1".to_owned(),
            access_key: String::new(),
            secret_key: SecretString::default(),
            path_style: true,
        }
    }
}

fn invalid(key: &'static str, problem: impl std::fmt::Display) -> ConfigError {
    ConfigError::Invalid {
        key,
        problem: problem.to_string(),
    }
}

impl Config {
    /// Who can decrypt what is made from now on.
    pub fn backup_recipients(&self) -> Result<Vec<Recipient>, ConfigError> {
        let recipients = self.backup.recipients.iter();
        let recipients: Vec<Recipient> = recipients
            .map(|text| backup::recipient(text).map_err(|error| invalid("backup.recipients", error)))
            .collect::<Result<_, _>>()?;
        if recipients.is_empty() {
            return Err(invalid("backup.recipients", "nobody could decrypt a backup"));
        }
        Ok(recipients)
    }

    /// The key that opens them.
    pub fn backup_identity(&self) -> Result<Identity, ConfigError> {
        let path = self.backup.identity_file.as_ref().ok_or(ConfigError::Missing {
            key: "backup.identity_file",
            variable: "SIMPUL_BACKUP__IDENTITY_FILE",
        })?;
        backup::identity(&read(path)?).map_err(|error| invalid("backup.identity_file", error))
    }

    pub const fn backup_retention(&self) -> Retention {
        Retention {
            all_for: TimeDelta::days(1),
            daily: self.backup.keep_days,
            weekly: self.backup.keep_weeks,
            monthly: self.backup.keep_months,
        }
    }
}
