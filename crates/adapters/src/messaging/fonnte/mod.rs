//! Fonnte, an unofficial `WhatsApp` driver (`facts/integrations.md` 7.2).
//!
//! The device token travels in a header without `Bearer`, never in a URL. Numbers are sent in full with
//! `countryCode=0`, so that nothing is rewritten, and `connectOnly=true` makes an offline phone a refusal, so that
//! our own outbox keeps the message.

mod answer;
mod notice;

#[cfg(test)]
mod tests;

use secrecy::{ExposeSecret as _, SecretString};
use simpul_domain::{
    customers::PhoneNumber,
    messaging::sender::{
        Capabilities, DeviceState, MAX_TEXT_CHARS, MessageSender, NumberPresence, OutboundMessage, Rejection,
        RejectionKind, SendOutcome, SenderError, SenderEvent, SenderKind,
    },
    ports::{NoticeRejected, RawNotice},
};
use url::Url;

use self::answer::Fields;
use crate::egress::{Egress, HttpClient, HttpError, Reply};

/// The service's own address.
pub const PRODUCTION: &str = "https://api.fonnte.com/";

/// One device.
#[derive(Debug, Clone)]
pub struct FonnteConfig {
    /// [`PRODUCTION`] or a stand-in; the last slash may be missing.
    pub base_url: Url,
    /// The device's token; the account's token is another secret and is not needed.
    pub token: SecretString,
    /// The device's own number, which delivery reports must name.
    pub device: PhoneNumber,
}

/// Why a device cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FonnteConfigError {
    #[error("the device token is empty")]
    EmptyToken,
    #[error("the base address is not an http address")]
    BaseUrl,
}

/// The client of one device.
#[derive(Debug, Clone)]
pub struct Fonnte {
    http: HttpClient,
    base: Url,
    token: SecretString,
    device: PhoneNumber,
}

impl Fonnte {
    pub fn new(config: FonnteConfig, egress: &Egress) -> Result<Self, FonnteConfigError> {
        if config.token.expose_secret().trim().is_empty() {
            return Err(FonnteConfigError::EmptyToken);
        }
        let mut base = config.base_url;
        if base.cannot_be_a_base() {
            return Err(FonnteConfigError::BaseUrl);
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self {
            http: egress.http().clone(),
            base,
            token: config.token,
            device: config.device,
        })
    }

    async fn post(&self, path: &'static str, form: &[(&str, &str)]) -> Result<Reply, HttpError> {
        let url = self.base.join(path).map_err(|_| HttpError::Malformed)?;
        self.http
            .post(url)?
            .secret_header(reqwest::header::AUTHORIZATION, "", &self.token)?
            .form(form)
            .send()
            .await
    }

    /// A question whose answer may be asked for again.
    async fn ask(&self, path: &'static str, form: &[(&str, &str)]) -> Result<Fields, SenderError> {
        let reply = self.post(path, form).await.map_err(|error| match error {
            HttpError::Refused(refusal) => SenderError::Credentials {
                reason: refusal.to_string(),
            },
            HttpError::Malformed => SenderError::Credentials {
                reason: MALFORMED_TOKEN.to_owned(),
            },
            HttpError::NotSent(_) | HttpError::NoAnswer(_) | HttpError::TooLong { .. } => {
                SenderError::Unavailable
            }
        })?;
        if matches!(reply.status, 401 | 403) {
            return Err(SenderError::Credentials {
                reason: format!("HTTP {}", reply.status),
            });
        }
        if !reply.is_success() {
            return Err(SenderError::Unavailable);
        }
        let fields = Fields::read(&reply.body).ok_or(SenderError::Malformed { field: "body" })?;
        match fields.worked() {
            Some(true) => Ok(fields),
            Some(false) => {
                let Rejection { kind, reason } = fields.rejection();
                match kind {
                    RejectionKind::Credentials => Err(SenderError::Credentials { reason }),
                    _ => Err(SenderError::Unavailable),
                }
            }
            None => Err(SenderError::Malformed { field: "status" }),
        }
    }
}

const MALFORMED_TOKEN: &str = "the token has characters that a header cannot carry";

fn rejected(kind: RejectionKind, reason: impl Into<String>) -> SendOutcome {
    SendOutcome::Rejected(Rejection {
        kind,
        reason: reason.into(),
    })
}

/// What an answer to `/send` means.
fn outcome(reply: &Reply) -> SendOutcome {
    let status = format!("HTTP {}", reply.status);
    match reply.status {
        200..=299 => {}
        300..=399 => return rejected(RejectionKind::Unreachable, status),
        401 | 403 => return rejected(RejectionKind::Credentials, status),
        429 => return rejected(RejectionKind::RateLimited, status),
        400..=499 => return rejected(RejectionKind::Other, status),
        // A crash or a proxy in the middle: the message may be in the queue.
        _ => return SendOutcome::Unknown,
    }
    let Some(fields) = Fields::read(&reply.body) else {
        return SendOutcome::Unknown;
    };
    match fields.worked() {
        Some(true) => SendOutcome::Accepted {
            provider_ids: fields.texts("id"),
        },
        Some(false) => SendOutcome::Rejected(fields.rejection()),
        None => SendOutcome::Unknown,
    }
}

/// What it means for a message that no whole answer came.
fn failed(error: &HttpError) -> SendOutcome {
    match error {
        HttpError::Refused(refusal) => rejected(RejectionKind::Other, refusal.to_string()),
        HttpError::Malformed => rejected(RejectionKind::Credentials, MALFORMED_TOKEN),
        HttpError::NotSent(_) => rejected(RejectionKind::Unreachable, error.to_string()),
        HttpError::NoAnswer(_) | HttpError::TooLong { .. } => SendOutcome::Unknown,
    }
}

impl MessageSender for Fonnte {
    fn kind(&self) -> SenderKind {
        SenderKind::Fonnte
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            templates: false,
            media: false,
            delivery_reports: true,
            check_number: true,
            official: false,
        }
    }

    async fn send(&self, message: &OutboundMessage) -> SendOutcome {
        let chars = message.text.chars().count();
        if chars > MAX_TEXT_CHARS || message.text.trim().is_empty() {
            return rejected(RejectionKind::Content, format!("a text of {chars} characters"));
        }
        if !message.to.is_mobile() {
            return rejected(RejectionKind::Recipient, "a landline has no messenger");
        }
        let form = [
            ("target", message.to.digits()),
            ("message", message.text.as_str()),
            ("countryCode", "0"),
            ("connectOnly", "true"),
        ];
        match self.post("send", &form).await {
            Ok(reply) => outcome(&reply),
            Err(error) => failed(&error),
        }
    }

    async fn check_number(&self, number: &PhoneNumber) -> Result<NumberPresence, SenderError> {
        let fields = self
            .ask("validate", &[("target", number.digits()), ("countryCode", "0")])
            .await?;
        let lists = |key| fields.texts(key).iter().any(|listed| listed == number.digits());
        match (lists("registered"), lists("not_registered")) {
            (true, false) => Ok(NumberPresence::Present),
            (false, true) => Ok(NumberPresence::Absent),
            _ => Err(SenderError::Malformed { field: "registered" }),
        }
    }

    async fn device(&self) -> Result<DeviceState, SenderError> {
        let fields = self.ask("device", &[]).await?;
        match fields.text("device_status").as_deref() {
            Some("connect") => Ok(DeviceState::Connected),
            Some("disconnect") => Ok(DeviceState::Down),
            _ => Err(SenderError::Malformed {
                field: "device_status",
            }),
        }
    }

    fn verify_notice(&self, notice: RawNotice<'_>) -> Result<Vec<SenderEvent>, NoticeRejected> {
        notice::verify(self.device.digits(), notice)
    }
}
