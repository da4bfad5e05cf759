//! Configuration: defaults, then a TOML file, then `SIMPUL_…` variables, validated before anything starts.
//!
//! A variable names a path with two underscores: `SIMPUL_DATABASE__APP_URL` is `database.app_url`. `AMQP_URL` is
//! understood too, because every broker's documentation names it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use simpul_event_store::{DbConfig, MasterKey};
use url::Url;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the configuration")]
    Read(#[source] Box<figment::Error>),
    #[error("{key} is missing: set it in the file or as {variable}")]
    Missing {
        key: &'static str,
        variable: &'static str,
    },
    #[error("{key} is not usable: {problem}")]
    Invalid { key: &'static str, problem: String },
    #[error("cannot read {path}")]
    File { path: PathBuf, source: std::io::Error },
}

/// Everything that can be set. Unknown keys are refused, so that a typing error is found at start.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub database: Database,
    pub vault: Vault,
    pub http: Http,
    pub amqp: Amqp,
    pub egress: Egress,
    pub log: Log,
    pub tokens: Tokens,
    pub endpoints: Endpoints,
    pub messages: Messages,
}

/// PostgreSQL, one URL per role (docker/postgres/roles.sql).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// Owns the schema; used by `migrate` and `rebuild` only.
    pub owner_url: Option<SecretString>,
    pub app_url: Option<SecretString>,
    pub system_url: Option<SecretString>,
    /// Not used by the server; accepted because tools set all four.
    pub analyst_url: Option<SecretString>,
    pub app_connections: u32,
    pub read_connections: u32,
    pub system_connections: u32,
    pub statement_timeout_ms: u64,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            owner_url: None,
            app_url: None,
            system_url: None,
            analyst_url: None,
            app_connections: 20,
            read_connections: 12,
            system_connections: 16,
            statement_timeout_ms: 30_000,
        }
    }
}

/// The master key of the vault. Never in the database, never in a backup.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vault {
    /// Name of the key, stored beside what it wraps.
    pub master_key_id: String,
    /// 64 hexadecimal digits.
    pub master_key: Option<SecretString>,
    /// A file (mode 0400) that holds them.
    pub master_key_file: Option<PathBuf>,
}

impl Default for Vault {
    fn default() -> Self {
        Self {
            master_key_id: "main".to_owned(),
            master_key: None,
            master_key_file: None,
        }
    }
}

/// The front door.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    pub listen: SocketAddr,
    /// How gateways and browsers reach it; part of callback URLs.
    pub public_url: Url,
}

impl Default for Http {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        // INVARIANT: the literal is a URL; a unit test reads the defaults.
        let public_url =
            Url::parse("http://127.0.0.1:8080/").unwrap_or_else(|_| unreachable!("a literal URL"));
        Self { listen, public_url }
    }
}

/// RabbitMQ. Without a URL the consumers read straight from the store.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Amqp {
    pub url: Option<SecretString>,
}

/// Where outbound connections may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EgressMode {
    #[default]
    Production,
    /// Loopback is allowed: simulators and stand-ins live there.
    Development,
}

/// See [`EgressMode`].
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    pub mode: EgressMode,
}

/// How to log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `tracing` filter, such as `info,simpul_event_store=debug`.
    pub filter: String,
    pub format: LogFormat,
}

/// See [`Log`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info,sqlx=warn,lapin=error".to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// Access tokens.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// RSA private key in PEM (PKCS#8, at least 3072 bits).
    pub signing_key_file: Option<PathBuf>,
}

/// Messages to customers.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Messages {
    /// Shortest time between two messages of one sender. Unofficial WhatsApp drivers are banned below 8 s.
    pub gap_ms: u64,
}

impl Default for Messages {
    fn default() -> Self {
        Self { gap_ms: 8_000 }
    }
}

/// Other addresses for services outside, for stand-ins and sandboxes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoints {
    pub tripay: Option<Url>,
    pub fonnte: Option<Url>,
}

impl Config {
    /// Reads defaults, `file` (or `simpul.toml` if it is there) and the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(serde_json::json!({})));
        figment = match file {
            Some(path) => figment.merge(Toml::file_exact(path)),
            None => figment.merge(Toml::file("simpul.toml")),
        };
        figment
            .merge(Env::raw().only(&["AMQP_URL"]).map(|_| "amqp.url".into()))
            .merge(
                Env::prefixed("SIMPUL_")
                    .ignore(&["TEST_PYTHON", "CONFIG"])
                    .split("__"),
            )
            .extract()
            .map_err(|error| ConfigError::Read(Box::new(error)))
    }

    pub fn owner_url(&self) -> Result<&SecretString, ConfigError> {
        self.database.owner_url.as_ref().ok_or(ConfigError::Missing {
            key: "database.owner_url",
            variable: "SIMPUL_DATABASE__OWNER_URL",
        })
    }

    pub fn db(&self) -> Result<DbConfig, ConfigError> {
        let missing = |key, variable| ConfigError::Missing { key, variable };
        let database = &self.database;
        let app_url = database
            .app_url
            .clone()
            .ok_or(missing("database.app_url", "SIMPUL_DATABASE__APP_URL"))?;
        let system_url = database
            .system_url
            .clone()
            .ok_or(missing("database.system_url", "SIMPUL_DATABASE__SYSTEM_URL"))?;
        let mut config = DbConfig::new(app_url, system_url);
        config.app_connections = database.app_connections;
        config.read_connections = database.read_connections;
        config.system_connections = database.system_connections;
        config.statement_timeout = Duration::from_millis(database.statement_timeout_ms);
        Ok(config)
    }

    pub fn master_key(&self) -> Result<MasterKey, ConfigError> {
        let text = match (&self.vault.master_key, &self.vault.master_key_file) {
            (Some(key), _) => key.clone(),
            (None, Some(path)) => SecretString::from(read(path)?),
            (None, None) => {
                return Err(ConfigError::Missing {
                    key: "vault.master_key_file",
                    variable: "SIMPUL_VAULT__MASTER_KEY_FILE",
                });
            }
        };
        MasterKey::from_hex(&self.vault.master_key_id, &text).map_err(|_| ConfigError::Invalid {
            key: "vault.master_key",
            problem: "it must be 64 hexadecimal digits".to_owned(),
        })
    }

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

    pub fn amqp_url(&self) -> Option<&str> {
        self.amqp
            .url
            .as_ref()
            .map(SecretString::expose_secret)
            .filter(|url| !url.is_empty())
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_need_only_urls_and_keys() {
        let config = Config::default();
        assert_eq!(config.http.public_url.as_str(), "http://127.0.0.1:8080/");
        assert_eq!(config.egress.mode, EgressMode::Production);
        assert!(matches!(
            config.db(),
            Err(ConfigError::Missing {
                key: "database.app_url",
                ..
            })
        ));
        assert!(matches!(config.master_key(), Err(ConfigError::Missing { .. })));
    }

    #[test]
    fn a_key_that_nobody_knows_is_refused() {
        let figment = Figment::from(Toml::string("[http]\nlisen = \"127.0.0.1:1\"\n"));
        let error = figment.extract::<Config>().expect_err("a typing error");
        assert!(error.to_string().contains("lisen"), "{error}");
    }

    #[test]
    fn a_short_master_key_is_refused() {
        let mut config = Config::default();
        config.vault.master_key = Some(SecretString::from("abcd"));
        assert!(matches!(
            config.master_key(),
            Err(ConfigError::Invalid {
                key: "vault.master_key",
                ..
            })
        ));
    }
}
