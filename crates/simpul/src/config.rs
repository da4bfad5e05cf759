//! Configuration: defaults, then a TOML file, then `SIMPUL_…` variables, validated before anything starts.
//!
//! A variable names a path with two underscores: `SIMPUL_DATABASE__APP_URL` is `database.app_url`. `AMQP_URL`,
//! `DATABASE_URL` and `PG_BIN` are understood too, because everybody's documentation names them.

mod backup;
mod database;
mod door;
mod mail;
mod radius;
mod sign_in;

use std::{
    net::SocketAddr,
    num::NonZeroU16,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use simpul_event_store::MasterKey;
use url::Url;

pub use self::{
    backup::{Backup, S3},
    database::Database,
    door::{Connections, Documents, Http, Limits, Points, Proxies},
    mail::{Mail, MailSecurity},
    radius::Radius,
    sign_in::{Identity, PasswordAlgorithm, Tokens},
};

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
    pub limits: Limits,
    pub amqp: Amqp,
    pub egress: Egress,
    pub log: Log,
    pub metrics: Metrics,
    pub tokens: Tokens,
    pub identity: Identity,
    pub endpoints: Endpoints,
    pub mail: Mail,
    pub messages: Messages,
    pub audit: Audit,
    pub backup: Backup,
    pub retention: Retention,
    pub projector: Projector,
    pub radius: Radius,
    pub dev: Dev,
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

/// RabbitMQ. Without a URL the consumers read straight from the store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Amqp {
    pub url: Option<SecretString>,
    /// First word of exchanges and queues. Installations that share a broker have different ones.
    pub prefix: String,
}

impl Default for Amqp {
    fn default() -> Self {
        Self {
            url: None,
            prefix: "simpul".to_owned(),
        }
    }
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
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    pub mode: EgressMode,
    /// Authorities in PEM that may vouch for routers' certificates, besides the machine's own.
    pub router_ca_file: Option<PathBuf>,
    /// Servers that are asked for addresses and for the proofs of operators' domains, such as `["9.9.9.9:53"]`; empty: the
    /// machine's own.
    pub name_servers: Vec<SocketAddr>,
}

/// What this process does, in numbers.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where Prometheus reads `/metrics`: an address that nobody else reaches.
    pub listen: Option<SocketAddr>,
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

/// Messages to customers.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Messages {
    /// Shortest time between two messages of one sender. Unofficial WhatsApp drivers are banned below 8 s.
    pub gap_ms: u64,
    /// Nothing is sent from here: what is due waits.
    pub held: bool,
}

impl Default for Messages {
    fn default() -> Self {
        Self {
            gap_ms: 8_000,
            held: false,
        }
    }
}

/// Proof that the log was not rewritten.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Where the heads of all logs are written every hour; out of reach of the database and of whoever rules it.
    pub anchor_file: Option<PathBuf>,
}

/// What is forgotten in time.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// How long records of the product's own commands without an effect answer a repetition.
    pub idle_commands_days: NonZeroU16,
    /// How long every accounting record is kept, for disputes.
    pub radius_samples_days: NonZeroU16,
    /// How long it is kept who was online when, after the end of a session.
    pub radius_sessions_days: NonZeroU16,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            idle_commands_days: NonZeroU16::MIN.saturating_add(29),
            radius_samples_days: NonZeroU16::MIN.saturating_add(13),
            radius_sessions_days: NonZeroU16::MIN.saturating_add(91),
        }
    }
}

/// Read models.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Projector {
    /// Parts of the tenants that are projected side by side, each by one process; the same on every instance.
    pub shards: NonZeroU16,
}

impl Default for Projector {
    fn default() -> Self {
        Self {
            shards: NonZeroU16::MIN,
        }
    }
}

/// Other addresses for services outside, for stand-ins and sandboxes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoints {
    pub tripay: Option<Url>,
    pub fonnte: Option<Url>,
}

/// Development: `simpul dev`, `simpul demo`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dev {
    /// Where keys and our own PostgreSQL are kept.
    pub folder: PathBuf,
    /// Folder of `initdb` and `pg_ctl`; searched for if not given.
    pub pg_bin: Option<PathBuf>,
}

impl Default for Dev {
    fn default() -> Self {
        Self {
            folder: PathBuf::from(".dev"),
            pg_bin: None,
        }
    }
}

impl Config {
    /// Reads defaults, `file` (or `simpul.toml` if it is there) and the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(serde_json::json!({})));
        figment = match file {
            Some(path) => figment.merge(Toml::file_exact(path)),
            None => figment.merge(Toml::file("simpul.toml")),
        };
        let well_known = [
            ("AMQP_URL", "amqp.url"),
            ("DATABASE_URL", "database.url"),
            ("PG_BIN", "dev.pg_bin"),
        ];
        for (variable, key) in well_known {
            figment = figment.merge(Env::raw().only(&[variable]).map(move |_| key.into()));
        }
        figment
            .merge(
                Env::prefixed("SIMPUL_")
                    .ignore(&["TEST_PYTHON", "CONFIG"])
                    .split("__"),
            )
            .extract()
            .map_err(|error| ConfigError::Read(Box::new(error)))
    }

    /// A file's content alone, without variables.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Figment::from(Toml::string(text))
            .extract()
            .map_err(|error| ConfigError::Read(Box::new(error)))
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
mod tests;
