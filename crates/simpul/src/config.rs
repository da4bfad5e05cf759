//! Configuration: defaults, then a TOML file, then `SIMPUL_…` variables, validated before anything starts.
//!
//! A variable names a path with two underscores: `SIMPUL_DATABASE__APP_URL` is `database.app_url`. `AMQP_URL`,
//! `DATABASE_URL` and `PG_BIN` are understood too, because everybody's documentation names them.

use std::{
    net::SocketAddr,
    num::NonZeroU16,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::TimeDelta;
use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use simpul_api::{
    BySurface, Settings, TrustedDocuments,
    budget::{self, Rate},
    identity::IdentitySettings,
};
use simpul_app::identity::password::{self, Algorithm};
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
    pub limits: Limits,
    pub amqp: Amqp,
    pub egress: Egress,
    pub log: Log,
    pub tokens: Tokens,
    pub identity: Identity,
    pub endpoints: Endpoints,
    pub messages: Messages,
    pub audit: Audit,
    pub retention: Retention,
    pub projector: Projector,
    pub dev: Dev,
}

/// PostgreSQL, one URL per role (docker/postgres/roles.sql).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// As the role that owns the schema. The URLs of the other roles follow from it (same server, database and
    /// password), where they are not given on their own.
    pub url: Option<SecretString>,
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
            url: None,
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

impl Database {
    /// Whether any URL is given: then nothing else is looked for.
    pub fn is_given(&self) -> bool {
        [&self.url, &self.owner_url, &self.app_url, &self.system_url]
            .into_iter()
            .any(|url| set(url.as_ref()).is_some())
    }

    fn derived(&self, role: &str) -> Result<Option<SecretString>, ConfigError> {
        let Some(url) = set(self.url.as_ref()) else {
            return Ok(None);
        };
        let invalid = |problem: String| ConfigError::Invalid {
            key: "database.url",
            problem,
        };
        let mut url = Url::parse(url.expose_secret()).map_err(|error| invalid(error.to_string()))?;
        url.set_username(role)
            .map_err(|()| invalid("it names no server".to_owned()))?;
        Ok(Some(SecretString::from(String::from(url))))
    }
}

/// What is given and not empty.
fn set(url: Option<&SecretString>) -> Option<&SecretString> {
    url.filter(|url| !url.expose_secret().is_empty())
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
    /// Manifests of the GraphQL documents of our own clients: `{"sha256:<hex>": "<document>"}`.
    pub documents: Documents,
    /// Origins of pages that may open sockets, besides the server's own.
    pub origins: Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        // INVARIANT: the literal is a URL; a unit test reads the defaults.
        let public_url =
            Url::parse("http://127.0.0.1:8080/").unwrap_or_else(|_| unreachable!("a literal URL"));
        Self {
            listen,
            public_url,
            documents: Documents::default(),
            origins: Vec::new(),
        }
    }
}

/// Manifests of documents, by the surface that answers them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Documents {
    /// With any of them, other documents of the staff need the permission `api.adhoc`.
    pub staff: Vec<PathBuf>,
    /// The portal answers no others.
    pub portal: Vec<PathBuf>,
    pub platform: Vec<PathBuf>,
}

/// How much may be asked of the API.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub address_requests_per_minute: u32,
    pub user_requests_per_minute: u32,
    pub staff: Points,
    pub portal: Points,
    pub platform: Points,
}

/// How much the operations of a surface may cost.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    pub user_points_per_minute: u32,
    pub tenant_points_per_minute: u32,
    /// Points of one GraphQL operation.
    pub operation_points: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let limits = budget::Limits::default();
        Self {
            address_requests_per_minute: limits.address_requests.per_minute,
            user_requests_per_minute: limits.user_requests.per_minute,
            staff: limits.points.staff.into(),
            portal: limits.points.portal.into(),
            platform: limits.points.platform.into(),
        }
    }
}

impl From<budget::Points> for Points {
    fn from(points: budget::Points) -> Self {
        Self {
            user_points_per_minute: points.user.per_minute,
            tenant_points_per_minute: points.tenant.per_minute,
            operation_points: points.operation,
        }
    }
}

/// A minute's worth may be spent at once.
const fn rate(per_minute: u32) -> Rate {
    Rate {
        capacity: per_minute,
        per_minute,
    }
}

impl From<Points> for budget::Points {
    fn from(points: Points) -> Self {
        Self {
            user: rate(points.user_points_per_minute),
            tenant: rate(points.tenant_points_per_minute),
            operation: points.operation_points,
        }
    }
}

impl From<Limits> for budget::Limits {
    fn from(limits: Limits) -> Self {
        Self {
            address_requests: rate(limits.address_requests_per_minute),
            user_requests: rate(limits.user_requests_per_minute),
            points: BySurface {
                staff: limits.staff.into(),
                portal: limits.portal.into(),
                platform: limits.platform.into(),
            },
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
    /// Where letters with invitations and reset secrets are put, one file each, for a mailer to take. Without it
    /// none leaves.
    pub letters_folder: Option<PathBuf>,
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
            letters_folder: None,
        }
    }
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
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            idle_commands_days: NonZeroU16::MIN.saturating_add(29),
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

    pub fn owner_url(&self) -> Result<SecretString, ConfigError> {
        let own = set(self.database.owner_url.as_ref()).or(set(self.database.url.as_ref()));
        own.cloned().ok_or(ConfigError::Missing {
            key: "database.owner_url",
            variable: "SIMPUL_DATABASE__OWNER_URL",
        })
    }

    pub fn db(&self) -> Result<DbConfig, ConfigError> {
        let missing = |key, variable| ConfigError::Missing { key, variable };
        let database = &self.database;
        let of = |own: Option<&SecretString>, role| match set(own) {
            Some(url) => Ok(Some(url.clone())),
            None => database.derived(role),
        };
        let app_url = of(database.app_url.as_ref(), "simpul_app")?
            .ok_or(missing("database.app_url", "SIMPUL_DATABASE__APP_URL"))?;
        let system_url = of(database.system_url.as_ref(), "simpul_system")?
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

    /// What the front door is opened with.
    pub fn door(&self) -> Result<Settings, ConfigError> {
        let manifests = &self.http.documents;
        let documents = BySurface {
            staff: trusted("http.documents.staff", &manifests.staff)?,
            portal: trusted("http.documents.portal", &manifests.portal)?,
            platform: trusted("http.documents.platform", &manifests.platform)?,
        };
        Ok(Settings {
            limits: self.limits.into(),
            documents,
            origins: self.http.origins.clone(),
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

/// The documents of all manifests of a surface.
fn trusted(key: &'static str, manifests: &[PathBuf]) -> Result<TrustedDocuments, ConfigError> {
    let mut documents = TrustedDocuments::default();
    for path in manifests {
        documents
            .add(&read(path)?)
            .map_err(|error| ConfigError::Invalid {
                key,
                problem: format!("{}: {error}", path.display()),
            })?;
    }
    Ok(documents)
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
        assert_eq!(config.retention.idle_commands_days.get(), 30);
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
    fn one_url_is_enough_and_a_role_s_own_wins() {
        let mut config = Config::default();
        assert!(!config.database.is_given());
        config.database.url = Some(SecretString::from("postgres://simpul_owner:x@db.example/simpul"));
        config.database.system_url = Some(SecretString::from("postgres://other@db.example/simpul"));
        let db = config.db().expect("enough");
        assert_eq!(
            db.app_url.expose_secret(),
            "postgres://simpul_app:x@db.example/simpul"
        );
        assert_eq!(
            db.system_url.expose_secret(),
            "postgres://other@db.example/simpul"
        );
        assert!(config.owner_url().is_ok() && config.database.is_given());
    }

    #[test]
    fn passwords_cost_what_the_specification_asks_for_unless_in_development() {
        let mut config = Config::default();
        assert_eq!(
            config.password_algorithm().ok(),
            Some(Algorithm::Bcrypt { cost: 12 })
        );
        config.identity.bcrypt_cost = 4;
        assert!(config.password_algorithm().is_err());
        config.egress.mode = EgressMode::Development;
        assert_eq!(
            config.password_algorithm().ok(),
            Some(Algorithm::Bcrypt { cost: 4 })
        );
        config.identity.session_days = 31;
        assert!(config.identity_settings().is_err());
    }

    #[test]
    fn a_key_that_nobody_knows_is_refused() {
        let figment = Figment::from(Toml::string("[http]\nlisen = \"127.0.0.1:1\"\n"));
        let error = figment.extract::<Config>().expect_err("a typing error");
        assert!(error.to_string().contains("lisen"), "{error}");
    }

    #[test]
    fn a_retention_of_no_days_and_a_projection_without_shards_are_refused() {
        for text in [
            "[retention]\nidle_commands_days = 0\n",
            "[projector]\nshards = 0\n",
        ] {
            let figment = Figment::from(Toml::string(text));
            figment.extract::<Config>().expect_err("none is not some");
        }
    }

    #[test]
    fn a_manifest_that_cannot_be_trusted_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("documents.json");
        let mut config = Config::default();
        config.http.documents.portal = vec![path.clone()];
        assert!(matches!(config.door(), Err(ConfigError::File { .. })));
        std::fs::write(&path, r#"{"sha256:00": "{viewer{user{id}}}"}"#).expect("written");
        assert!(matches!(
            config.door(),
            Err(ConfigError::Invalid {
                key: "http.documents.portal",
                ..
            })
        ));
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
