//! RADIUS accounting: whether it is taken, from whom, and how often routers tell.

use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{Config, ConfigError, read};

/// Shorter ones can be guessed.
const MIN_TOKEN_BYTES: usize = 32;
/// `Acct-Interim-Interval` (RFC 2869 section 5.16), and what an operator still notices.
const INTERIMS: std::ops::RangeInclusive<u32> = 60..=3600;

/// See the module.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Radius {
    /// What FreeRADIUS proves itself with. Without one nothing is taken.
    pub token: Option<SecretString>,
    /// A file (mode 0400) that holds it.
    pub token_file: Option<PathBuf>,
    /// How often routers tell of a session, as they are set.
    pub interim_seconds: u32,
}

impl Default for Radius {
    fn default() -> Self {
        Self {
            token: None,
            token_file: None,
            interim_seconds: 300,
        }
    }
}

impl Config {
    /// What the front door takes accounting with, if it does.
    pub fn radius(&self) -> Result<Option<simpul_api::Radius>, ConfigError> {
        let interim_seconds = self.interim_seconds()?;
        let token = match (&self.radius.token, &self.radius.token_file) {
            (Some(token), _) => token.clone(),
            (None, Some(path)) => SecretString::from(read(path)?.trim()),
            (None, None) => return Ok(None),
        };
        if token.expose_secret().len() < MIN_TOKEN_BYTES {
            return Err(ConfigError::Invalid {
                key: "radius.token",
                problem: format!("it must have at least {MIN_TOKEN_BYTES} characters"),
            });
        }
        Ok(Some(simpul_api::Radius {
            token,
            interim_seconds,
        }))
    }

    pub(crate) fn interim_seconds(&self) -> Result<u32, ConfigError> {
        let seconds = self.radius.interim_seconds;
        if INTERIMS.contains(&seconds) {
            Ok(seconds)
        } else {
            Err(ConfigError::Invalid {
                key: "radius.interim_seconds",
                problem: "it must be 60 to 3600".to_owned(),
            })
        }
    }
}
