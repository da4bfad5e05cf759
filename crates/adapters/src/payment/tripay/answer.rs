//! Tripay's envelope `{success, message, data}`, and what a failure means for the call that met it.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use simpul_domain::billing::gateway::GatewayError;

use crate::{
    egress::{HttpError, Reply},
    payment::raw_sha256,
};

/// Longest reason kept of a gateway's own words.
const REASON_CHARS: usize = 200;

/// What kind of call failed: a read may be made again, a create may have worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Read,
    Create,
}

#[derive(Deserialize)]
struct Envelope {
    success: bool,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    data: Value,
}

/// The data of a success.
pub(super) struct Answer<T> {
    pub(super) data: T,
    pub(super) raw_sha256: String,
}

impl Call {
    /// No whole answer came.
    pub(super) fn failed(self, error: &HttpError) -> GatewayError {
        match error {
            HttpError::Refused(refusal) => GatewayError::Rejected {
                reason: refusal.to_string(),
            },
            HttpError::Malformed => GatewayError::Credentials {
                reason: "the API key has characters that a header cannot carry".to_owned(),
            },
            HttpError::NotSent(_) => GatewayError::Unavailable,
            HttpError::NoAnswer(_) | HttpError::TooLong { .. } => self.lost(),
        }
    }

    /// The other side may have acted, and nobody knows.
    const fn lost(self) -> GatewayError {
        match self {
            Self::Read => GatewayError::Unavailable,
            Self::Create => GatewayError::OutcomeUnknown,
        }
    }

    pub(super) fn read<T: DeserializeOwned>(self, reply: &Reply) -> Result<Answer<T>, GatewayError> {
        match reply.status {
            429 => return Err(GatewayError::RateLimited),
            // A proxy or a crash in the middle: whether the charge was made is not known.
            500.. => return Err(self.lost()),
            300..=399 => return Err(GatewayError::Unavailable),
            _ => {}
        }
        let Ok(envelope) = reply.json::<Envelope>() else {
            return Err(self.unreadable(reply));
        };
        if reply.is_success() && envelope.success {
            let data = serde_json::from_value(envelope.data).map_err(|_| self.malformed("data"))?;
            return Ok(Answer {
                data,
                raw_sha256: raw_sha256(&reply.body),
            });
        }
        Err(refused(
            reply.status,
            envelope.message.as_deref().unwrap_or_default(),
        ))
    }

    fn unreadable(self, reply: &Reply) -> GatewayError {
        if reply.is_success() {
            self.malformed("body")
        } else {
            refused(reply.status, "")
        }
    }

    /// A success that cannot be read: a create did work then, and `status` will tell.
    const fn malformed(self, field: &'static str) -> GatewayError {
        match self {
            Self::Read => GatewayError::Malformed { field },
            Self::Create => GatewayError::OutcomeUnknown,
        }
    }
}

/// The gateway says that it did nothing. Its words are the only way to tell why.
fn refused(status: u16, message: &str) -> GatewayError {
    let reason = || -> String {
        if message.is_empty() {
            format!("HTTP {status}")
        } else {
            message.chars().take(REASON_CHARS).collect()
        }
    };
    let words = message.to_ascii_lowercase();
    let says = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    if matches!(status, 401 | 403)
        || says(&[
            "api key",
            "signature",
            "whitelist",
            "unauthorized",
            "not authorized",
            "merchant code",
        ])
    {
        GatewayError::Credentials { reason: reason() }
    } else if status == 404 || says(&["not found", "tidak ditemukan"]) {
        GatewayError::NotFound
    } else {
        GatewayError::Rejected { reason: reason() }
    }
}
