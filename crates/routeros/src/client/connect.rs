//! From an address to a logged-in session: the dialer is the caller's, the limits are ours.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Deadline, Error, Login, SessionOptions, Waiting};
use crate::tls::{self, Fingerprint, Roots};

/// Where a router listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address.
    pub host: String,
    /// 8728 for plain, 8729 for TLS, unless the operator moved them.
    pub port: u16,
}

/// How the stream is protected.
#[derive(Debug, Clone)]
pub enum Security {
    /// In clear (`api`, 8728). Only inside a tunnel.
    Plain,
    /// TLS with a pinned certificate (`api-ssl`, 8729).
    Pinned(Fingerprint),
    /// TLS with a certificate for the router's name that one of these authorities has signed (`api-ssl`, 8729).
    Verified(Roots),
}

/// Time limits of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// For the dialer.
    pub connect: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// Of the session: login, cancel, probe.
    pub session: SessionOptions,
    /// For commands that are not prints.
    pub command: Deadline,
    /// For prints.
    pub print: Deadline,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            handshake: Duration::from_secs(5),
            session: SessionOptions::default(),
            command: Deadline::within(Duration::from_secs(10)),
            print: Deadline::progress(Duration::from_secs(10)),
        }
    }
}

/// Everything about a connection except its socket.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who logs in.
    pub login: Login,
    /// How the stream is protected.
    pub security: Security,
    /// Time limits.
    pub timing: Timing,
}

impl Options {
    /// With the default time limits.
    pub fn new(login: Login, security: Security) -> Self {
        Self {
            login,
            security,
            timing: Timing::default(),
        }
    }
}

/// Why the caller's dialer has no stream.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name cannot be resolved.
    #[error("the name cannot be resolved: {0}")]
    Dns(String),
    /// The destination is not allowed.
    #[error("the destination is not allowed: {0}")]
    NotAllowed(String),
    /// The socket cannot be opened.
    #[error("the socket cannot be opened")]
    Io(#[from] io::Error),
}

impl From<DialError> for Error {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Dns(text) => Self::Dns(text),
            DialError::NotAllowed(text) => Self::NotAllowed(text),
            DialError::Io(error) => Self::from_io(&error),
        }
    }
}

pub(super) async fn dial<S>(
    within: Duration,
    dialing: impl Future<Output = Result<S, DialError>>,
) -> Result<S, Error> {
    match timeout(within, dialing).await {
        Ok(stream) => Ok(stream?),
        Err(_) => Err(Error::Timeout(Waiting::Connect)),
    }
}

/// With a pin the name is not looked at.
pub(super) async fn pinned<S>(
    stream: S,
    host: &str,
    pin: Fingerprint,
    within: Duration,
) -> Result<TlsStream<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = tls::client_config(pin).map_err(|error| Error::Tls(error.to_string()))?;
    let name = ServerName::try_from(host.to_owned())
        .or_else(|_| ServerName::try_from("router.invalid"))
        .map_err(|error| Error::Tls(error.to_string()))?;
    handshake(stream, name, config, within).await
}

pub(super) async fn verified<S>(
    stream: S,
    host: &str,
    roots: &Roots,
    within: Duration,
) -> Result<TlsStream<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = tls::verified_config(roots).map_err(|error| Error::Tls(error.to_string()))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| Error::Tls(error.to_string()))?;
    handshake(stream, name, config, within).await
}

async fn handshake<S>(
    stream: S,
    name: ServerName<'static>,
    config: ClientConfig,
    within: Duration,
) -> Result<TlsStream<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match timeout(within, TlsConnector::from(Arc::new(config)).connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(tls_error(&error)),
        Err(_) => Err(Error::Timeout(Waiting::Handshake)),
    }
}

fn tls_error(error: &io::Error) -> Error {
    if let Some(mismatch) = tls::pin_mismatch(error) {
        return mismatch.into();
    }
    match Error::from_io(error) {
        Error::Io(_) => Error::Tls(error.to_string()),
        other => other,
    }
}

/// Which certificate a router shows, without logging in, so that an operator can confirm it once. Nothing is sent
/// beyond the handshake, which is broken off.
pub async fn observe_certificate<S>(stream: S, host: &str, within: Duration) -> Result<Fingerprint, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match pinned(stream, host, Fingerprint::new([0; 32]), within).await {
        Err(Error::PinMismatch(mismatch)) => Ok(mismatch.seen),
        Err(error) => Err(error),
        Ok(_) => Err(Error::Tls("the certificate cannot be what it seems".into())),
    }
}
