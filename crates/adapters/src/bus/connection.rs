//! Connections to the broker.

use std::time::Duration;

use lapin::{
    Channel, Connection, ConnectionProperties,
    uri::{AMQPScheme, AMQPUri},
};
use secrecy::{ExposeSecret as _, SecretString};
use simpul_domain::{Code, Coded};
use tokio::time::timeout;

use super::Topology;

/// Seconds without a frame after which half a connection is taken for dead.
const HEARTBEAT_S: u16 = 10;
/// For dialling, handshake and topology together.
const CONNECT: Duration = Duration::from_secs(15);
/// For an answer on a connection that is there. One that is cut at the wrong moment leaves whoever waits without any.
const ANSWER: Duration = Duration::from_secs(15);
/// How long a goodbye may take.
const CLOSE: Duration = Duration::from_secs(2);

/// Where the broker is and what must exist in it. The URL carries a password.
#[derive(Debug, Clone)]
pub struct Broker {
    url: SecretString,
    topology: Topology,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("AMQP_URL is not an amqp:// or amqps:// URL: {0}")]
    Url(String),
    #[error("the broker does not do its part")]
    Amqp(#[from] lapin::Error),
    #[error("the broker does not answer")]
    Timeout,
    #[error("the broker is not dialled again yet")]
    Resting,
    #[error("the broker did not confirm every message")]
    NotConfirmed,
}

impl Coded for BrokerError {
    fn code(&self) -> Code {
        match self {
            Self::Url(_) => Code::ValidationError,
            Self::Amqp(_) | Self::Timeout | Self::Resting | Self::NotConfirmed => Code::UpstreamUnavailable,
        }
    }
}

/// A connection with one channel; the topology is declared.
pub(super) struct Connected {
    pub(super) connection: Connection,
    pub(super) channel: Channel,
}

impl std::fmt::Debug for Connected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connected").finish_non_exhaustive()
    }
}

impl Broker {
    /// Fails on a text that is no URL of a broker; nothing is dialled.
    pub fn new(url: SecretString, topology: Topology) -> Result<Self, BrokerError> {
        parse(&url)?;
        Ok(Self { url, topology })
    }

    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Connects, declares the topology and disconnects: whether the broker can be used.
    pub async fn probe(&self) -> Result<(), BrokerError> {
        self.connect("probe").await?.close().await;
        Ok(())
    }

    /// Connects and declares everything.
    pub(super) async fn connect(&self, name: &str) -> Result<Connected, BrokerError> {
        timeout(CONNECT, self.open(name))
            .await
            .map_err(|_| BrokerError::Timeout)?
    }

    async fn open(&self, name: &str) -> Result<Connected, BrokerError> {
        let properties =
            ConnectionProperties::default().with_connection_name(format!("simpul/{name}").into());
        let connection = Connection::connect_uri(parse(&self.url)?, properties).await?;
        let channel = connection.create_channel().await?;
        self.topology.declare(&channel).await?;
        Ok(Connected { connection, channel })
    }
}

/// Waits for the broker's answer, not for ever.
pub(super) async fn answered<T>(asked: impl Future<Output = lapin::Result<T>>) -> Result<T, BrokerError> {
    let answer = timeout(ANSWER, asked).await;
    Ok(answer.map_err(|_| BrokerError::Timeout)??)
}

impl Connected {
    pub(super) fn is_alive(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    pub(super) async fn close(self) {
        // Best effort: the broker notices a closed socket as well.
        let _ = timeout(CLOSE, self.connection.close(200, "bye".into())).await;
    }
}

fn parse(url: &SecretString) -> Result<AMQPUri, BrokerError> {
    let mut uri: AMQPUri = url.expose_secret().parse().map_err(BrokerError::Url)?;
    // Inside the trusted network the operator may choose plain AMQP; the URL says which.
    debug_assert!(matches!(uri.scheme, AMQPScheme::AMQP | AMQPScheme::AMQPS));
    uri.query.heartbeat = Some(HEARTBEAT_S);
    Ok(uri)
}
