//! Where letters to users go.

use std::{num::NonZeroU16, path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;
use simpul_adapters::mail::{Credentials, Security, SmtpSettings};
use url::Url;

use super::{Config, ConfigError, read};

/// A letter is handed over within the lease of its parcel.
const MAX_TIMEOUT_S: u16 = 40;

/// The mail server that takes letters to users.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    pub host: Option<String>,
    /// 465 or 587 where it is not given, as `security` says; 25 without TLS.
    pub port: Option<u16>,
    pub security: MailSecurity,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    pub password_file: Option<PathBuf>,
    /// Address of the sender.
    pub from: Option<String>,
    /// Authorities in PEM that may vouch for the server, besides the machine's own.
    pub ca_file: Option<PathBuf>,
    /// Longest hand-over of one letter, in seconds.
    pub timeout_s: NonZeroU16,
    /// Where front ends take secrets: letters link to `<page_url>/invitation#<secret>` and the like. Without it they have
    /// the secret alone.
    pub page_url: Option<Url>,
    /// Development: letters as files in place of a mail server.
    pub folder: Option<PathBuf>,
}

/// See [`Mail`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// TLS from the first byte.
    Implicit,
    /// TLS after STARTTLS, or nothing.
    #[default]
    StartTls,
    /// A mail server of this machine.
    None,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            security: MailSecurity::default(),
            user: None,
            password: None,
            password_file: None,
            from: None,
            ca_file: None,
            timeout_s: NonZeroU16::MIN.saturating_add(29),
            page_url: None,
            folder: None,
        }
    }
}

impl Config {
    /// The mail server, if one is named.
    pub fn smtp(&self) -> Result<Option<SmtpSettings>, ConfigError> {
        let mail = &self.mail;
        let Some(host) = mail.host.clone().filter(|host| !host.is_empty()) else {
            return Ok(None);
        };
        let (security, usual) = match mail.security {
            MailSecurity::Implicit => (Security::Implicit, 465),
            MailSecurity::StartTls => (Security::StartTls, 587),
            MailSecurity::None => (Security::None, 25),
        };
        let password = match (&mail.password, &mail.password_file) {
            (Some(password), _) => Some(password.clone()),
            (None, Some(path)) => Some(SecretString::from(read(path)?.trim())),
            (None, None) => None,
        };
        if mail.timeout_s.get() > MAX_TIMEOUT_S {
            return Err(ConfigError::Invalid {
                key: "mail.timeout_s",
                problem: format!("it must be at most {MAX_TIMEOUT_S}"),
            });
        }
        let from = mail.from.clone().ok_or(ConfigError::Missing {
            key: "mail.from",
            variable: "SIMPUL_MAIL__FROM",
        })?;
        Ok(Some(SmtpSettings {
            host,
            port: mail.port.unwrap_or(usual),
            security,
            credentials: mail
                .user
                .clone()
                .zip(password)
                .map(|(user, password)| Credentials { user, password }),
            from,
            ca_pem: mail
                .ca_file
                .as_ref()
                .map(|path| read(path).map(String::into_bytes))
                .transpose()?,
            timeout: Duration::from_secs(u64::from(mail.timeout_s.get())),
        }))
    }
}
