//! HTTP through the guard: no redirects, no proxy, bounded time and size.
//!
//! What a failure says about the other side matters more here than what failed: [`HttpError::NotSent`] means that
//! nothing was transmitted and another try is safe, [`HttpError::NoAnswer`] that the request may have taken effect.

use std::{error::Error as _, fmt, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use simpul_domain::{Code, Coded};
use url::Url;

use super::{Hosts, Policy, Refusal, resolve::GuardedResolver};

/// How long a request may take, and how much of its answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Resolving, connecting and TLS together.
    pub connect: Duration,
    /// The whole exchange until the last byte of the answer.
    pub total: Duration,
    pub answer_bytes: usize,
}

impl Default for HttpLimits {
    /// 3 s, 10 s, 64 KiB.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            total: Duration::from_secs(10),
            answer_bytes: 64 * 1024,
        }
    }
}

/// The only way to make an HTTP request. Cheap to clone; connections are pooled.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    policy: Arc<Policy>,
    limits: HttpLimits,
}

impl HttpClient {
    pub(super) fn new(
        policy: Arc<Policy>,
        hosts: Arc<Hosts>,
        limits: HttpLimits,
    ) -> Result<Self, reqwest::Error> {
        #[expect(clippy::disallowed_methods, reason = "this is the guard")]
        let builder = reqwest::Client::builder();
        let client = builder
            .dns_resolver(GuardedResolver {
                policy: Arc::clone(&policy),
                hosts,
            })
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            // Below what servers keep: a connection that dies under a request leaves its outcome unknown.
            .pool_idle_timeout(Duration::from_secs(15))
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .user_agent(concat!("simpul/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            policy,
            limits,
        })
    }

    pub fn get(&self, url: Url) -> Result<Outgoing<'_>, Refusal> {
        self.request(Method::GET, url)
    }

    pub fn post(&self, url: Url) -> Result<Outgoing<'_>, Refusal> {
        self.request(Method::POST, url)
    }

    /// Begins a request; an IP literal, a port or a scheme that is not allowed is refused here.
    pub fn request(&self, method: Method, url: Url) -> Result<Outgoing<'_>, Refusal> {
        self.policy.check_url(&url)?;
        let port = url.port_or_known_default().ok_or(Refusal::Scheme)?;
        Ok(Outgoing {
            http: self,
            port,
            request: self.client.request(method, url),
        })
    }
}

/// A request being written.
#[must_use = "a request does nothing until it is sent"]
pub struct Outgoing<'a> {
    http: &'a HttpClient,
    port: u16,
    request: reqwest::RequestBuilder,
}

impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").finish_non_exhaustive()
    }
}

impl Outgoing<'_> {
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// A header that no log and no `Debug` shows. `prefix` is put before the secret, such as `Bearer `.
    pub fn secret_header(
        self,
        name: HeaderName,
        prefix: &str,
        secret: &SecretString,
    ) -> Result<Self, HttpError> {
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", secret.expose_secret()))
            .map_err(|_| HttpError::Malformed)?;
        value.set_sensitive(true);
        Ok(self.header(name, value))
    }

    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        self.request = self.request.json(body);
        self
    }

    pub fn form<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        self.request = self.request.form(body);
        self
    }

    /// A body exactly as given, for signatures over raw bytes.
    pub fn body(mut self, content_type: HeaderValue, body: Vec<u8>) -> Self {
        self.request = self
            .request
            .header(reqwest::header::CONTENT_TYPE, content_type)
            .body(body);
        self
    }

    /// Sends and reads the whole answer. Any HTTP status is an answer.
    pub async fn send(self) -> Result<Reply, HttpError> {
        let mut response = self.request.send().await.map_err(HttpError::from_reqwest)?;
        if let Some(peer) = response.remote_addr() {
            self.http.policy.allow_http(peer.ip(), self.port)?;
        }
        let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
        let limit = self.http.limits.answer_bytes;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(HttpError::from_reqwest)? {
            if body.len() + chunk.len() > limit {
                return Err(HttpError::TooLong { status, limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status,
            headers,
            body: body.freeze(),
        })
    }
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// `Retry-After` in seconds, when it is given as a number (RFC 9110 section 10.2.3).
    pub fn retry_after_secs(&self) -> Option<u64> {
        self.headers
            .get(reqwest::header::RETRY_AFTER)?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the request cannot be written")]
    Malformed,
    /// Nothing was transmitted: the name, the connection or TLS failed. Another try is safe.
    #[error("the other side cannot be reached")]
    NotSent(#[source] reqwest::Error),
    /// The request may have taken effect.
    #[error("no answer after the request was sent")]
    NoAnswer(#[source] reqwest::Error),
    /// Answered with a body that is too long; the request may have taken effect.
    #[error("status {status} with an answer of more than {limit} bytes")]
    TooLong { status: u16, limit: usize },
}

impl HttpError {
    fn from_reqwest(error: reqwest::Error) -> Self {
        // A URL may carry a token in its path.
        let error = error.without_url();
        if error.is_builder() {
            return Self::Malformed;
        }
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(refusal) = cause.downcast_ref::<Refusal>() {
                return Self::Refused(*refusal);
            }
            source = cause.source();
        }
        if error.is_connect() {
            Self::NotSent(error)
        } else {
            Self::NoAnswer(error)
        }
    }

    /// Whether the other side may have acted on the request.
    pub const fn may_have_taken_effect(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Malformed | Self::NotSent(_) => false,
            Self::NoAnswer(_) | Self::TooLong { .. } => true,
        }
    }
}

impl Coded for HttpError {
    fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Malformed => Code::InternalError,
            Self::NotSent(_) | Self::NoAnswer(_) | Self::TooLong { .. } => Code::UpstreamUnavailable,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::Refused(refusal) => refusal.params(),
            Self::Malformed | Self::NotSent(_) | Self::NoAnswer(_) | Self::TooLong { .. } => {
                serde_json::Value::Null
            }
        }
    }
}
