//! Where PostgreSQL is, as which role, and how many connections each may hold.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use simpul_event_store::DbConfig;
use url::Url;

use super::{Config, ConfigError};

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
    /// Dumps everything and writes nothing; used by backups only.
    pub backup_url: Option<SecretString>,
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
            backup_url: None,
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

    /// Points every URL at another database of the same server.
    pub(crate) fn rename(&mut self, name: &str) -> Result<(), ConfigError> {
        let urls = [
            &mut self.url,
            &mut self.owner_url,
            &mut self.app_url,
            &mut self.system_url,
            &mut self.analyst_url,
            &mut self.backup_url,
        ];
        for slot in urls {
            let Some(given) = set(slot.as_ref()) else { continue };
            let mut url = Url::parse(given.expose_secret()).map_err(|error| ConfigError::Invalid {
                key: "database.url",
                problem: error.to_string(),
            })?;
            url.set_path(name);
            *slot = Some(SecretString::from(String::from(url)));
        }
        Ok(())
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

impl Config {
    pub fn backup_url(&self) -> Result<SecretString, ConfigError> {
        let own = set(self.database.backup_url.as_ref()).cloned();
        match own {
            Some(url) => Ok(url),
            None => self
                .database
                .derived("simpul_backup")?
                .ok_or(ConfigError::Missing {
                    key: "database.backup_url",
                    variable: "SIMPUL_DATABASE__BACKUP_URL",
                }),
        }
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
}
