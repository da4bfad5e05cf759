//! TCP to routers, through the guard.

use std::{io, net::SocketAddr, time::Duration};

use simpul_domain::{Code, Coded};
use tokio::{net::TcpStream, time::timeout};
use url::Host;

use super::{Egress, Prefix, Refusal};

/// For resolving a name, and again for each address tried.
pub(super) const CONNECT: Duration = Duration::from_secs(3);
/// Addresses of one name that are tried, in the resolver's order.
const MAX_ADDRESSES: usize = 4;

impl Egress {
    /// The addresses of a router that may be dialled: public ones, and private ones inside `tunnels`, the
    /// prefixes that the router's own tenant has registered. Loopback only in development.
    pub async fn router_addresses(
        &self,
        host: &str,
        port: u16,
        tunnels: &[Prefix],
    ) -> Result<Vec<SocketAddr>, DialError> {
        let host = host.trim();
        // A bare IPv6 address is what people type; the URL syntax wants brackets.
        let bracketed = format!("[{host}]");
        let text = if host.contains(':') && !host.starts_with('[') {
            bracketed.as_str()
        } else {
            host
        };
        let literal = match Host::parse(text).map_err(|_| Refusal::Host)? {
            Host::Ipv4(address) => address.into(),
            Host::Ipv6(address) => address.into(),
            Host::Domain(name) => return self.named_router(&name, port, tunnels).await,
        };
        self.policy.allow_router(literal, port, tunnels)?;
        Ok(vec![SocketAddr::new(literal, port)])
    }

    async fn named_router(
        &self,
        name: &str,
        port: u16,
        tunnels: &[Prefix],
    ) -> Result<Vec<SocketAddr>, DialError> {
        let answers = timeout(CONNECT, self.hosts.lookup(name))
            .await
            .map_err(|_| DialError::Timeout)?
            .map_err(DialError::Resolve)?;
        let allowed: Vec<SocketAddr> = answers
            .into_iter()
            .filter(|&address| self.policy.allow_router(address, port, tunnels).is_ok())
            .map(|address| SocketAddr::new(address, port))
            .take(MAX_ADDRESSES)
            .collect();
        if allowed.is_empty() {
            Err(Refusal::Name.into())
        } else {
            Ok(allowed)
        }
    }

    /// Connects to a router: at most 3 s for the name and 3 s for each of its first four addresses.
    pub async fn dial_router(
        &self,
        host: &str,
        port: u16,
        tunnels: &[Prefix],
    ) -> Result<TcpStream, DialError> {
        let mut last = DialError::Timeout;
        for address in self.router_addresses(host, port, tunnels).await? {
            #[expect(clippy::disallowed_methods, reason = "this is the guard")]
            let attempt = timeout(CONNECT, TcpStream::connect(address)).await;
            match attempt {
                Ok(Ok(stream)) => {
                    let peer = stream.peer_addr().map_err(DialError::Connect)?;
                    self.policy.allow_router(peer.ip(), peer.port(), tunnels)?;
                    return Ok(stream);
                }
                Ok(Err(error)) => last = DialError::Connect(error),
                Err(_) => last = DialError::Timeout,
            }
        }
        Err(last)
    }
}

/// Why a router, or a mail server, cannot be dialled.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the name cannot be resolved")]
    Resolve(#[source] io::Error),
    #[error("the connection is refused")]
    Connect(#[source] io::Error),
    #[error("there is no answer")]
    Timeout,
}

impl Coded for DialError {
    fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Resolve(_) | Self::Connect(_) | Self::Timeout => Code::UpstreamUnavailable,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::Refused(refusal) => refusal.params(),
            Self::Resolve(_) | Self::Connect(_) | Self::Timeout => serde_json::Value::Null,
        }
    }
}
