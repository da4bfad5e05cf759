//! How people sign in, and what their tokens are signed with.

use std::path::PathBuf;

use chrono::TimeDelta;
use secrecy::SecretString;
use serde::Deserialize;
use simpul_api::{budget::Rate, identity::IdentitySettings};
use simpul_app::identity::password::{self, Algorithm};

use super::{Config, ConfigError, EgressMode, read};

/// Access tokens.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// RSA private key in PEM (PKCS#8, at least 3072 bits): the one key, which is changed by a restart.
    pub signing_key_file: Option<PathBuf>,
    /// Folder of keys that `simpul keys rotate` makes. Every process reads it again every minute. In place of the one
    /// key.
    pub signing_keys_folder: Option<PathBuf>,
}

/// How people sign in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    pub password_algorithm: PasswordAlgorithm,
    /// At least 12; less only where `egress.mode` is `development`.
    pub bcrypt_cost: u32,
    pub argon2_memory_kib: u32,
    pub argon2_passes: u32,
    /// Sign-ins of one network.
    pub attempts_per_minute: u32,
    /// From the sign-in on, however often it is prolonged; 1 to 30.
    pub session_days: u16,
    /// Folder of the keys that passwords are mixed with before they are hashed; `simpul keys pepper` makes one. Without
    /// it they are hashed as they are.
    pub peppers_folder: Option<PathBuf>,
}

/// See [`Identity`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordAlgorithm {
    #[default]
    Bcrypt,
    Argon2id,
}

impl Default for Identity {
    fn default() -> Self {
        let settings = IdentitySettings::default();
        Self {
            password_algorithm: PasswordAlgorithm::Bcrypt,
            bcrypt_cost: password::BCRYPT_COST,
            argon2_memory_kib: 65_536,
            argon2_passes: 3,
            attempts_per_minute: settings.attempts.per_minute,
            session_days: 30,
            peppers_folder: None,
        }
    }
}

impl Config {
    pub fn signing_key_pem(&self) -> Result<SecretString, ConfigError> {
        let path = self
            .tokens
            .signing_key_file
            .as_ref()
            .ok_or(ConfigError::Missing {
                key: "tokens.signing_key_file",
                variable: "SIMPUL_TOKENS__SIGNING_KEY_FILE",
            })?;
        Ok(SecretString::from(read(path)?))
    }

    /// How passwords are hashed from now on.
    pub fn password_algorithm(&self) -> Result<Algorithm, ConfigError> {
        let Identity {
            bcrypt_cost: cost,
            argon2_memory_kib: memory_kib,
            argon2_passes: passes,
            ..
        } = self.identity;
        let strong = self.egress.mode == EgressMode::Production;
        match self.identity.password_algorithm {
            PasswordAlgorithm::Bcrypt if strong && cost < password::BCRYPT_COST => {
                Err(ConfigError::Invalid {
                    key: "identity.bcrypt_cost",
                    problem: format!("it must be at least {}", password::BCRYPT_COST),
                })
            }
            PasswordAlgorithm::Argon2id if strong && (memory_kib < 19_456 || passes < 2) => {
                Err(ConfigError::Invalid {
                    key: "identity.argon2_memory_kib",
                    problem: "it must be at least 19456 with 2 passes".to_owned(),
                })
            }
            PasswordAlgorithm::Bcrypt => Ok(Algorithm::Bcrypt { cost }),
            PasswordAlgorithm::Argon2id => Ok(Algorithm::Argon2id { memory_kib, passes }),
        }
    }

    /// How people are let in.
    pub fn identity_settings(&self) -> Result<IdentitySettings, ConfigError> {
        let days = self.identity.session_days;
        if !(1..=30).contains(&days) {
            return Err(ConfigError::Invalid {
                key: "identity.session_days",
                problem: "it must be 1 to 30".to_owned(),
            });
        }
        let per_minute = self.identity.attempts_per_minute.max(1);
        Ok(IdentitySettings {
            attempts: Rate {
                capacity: per_minute,
                per_minute,
            },
            session_lifetime: TimeDelta::days(days.into()),
            ..IdentitySettings::default()
        })
    }
}
