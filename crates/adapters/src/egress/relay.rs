//! Addresses of the installation's own mail server.

use std::net::SocketAddr;

use tokio::time::timeout;
use url::Host;

use super::{DialError, Egress, router::CONNECT};

/// Addresses of one name that are tried, in the resolver's order.
const MAX_ADDRESSES: usize = 4;

impl Egress {
    /// The addresses of a mail server that the operator of this installation has named, as the broker is named: it may
    /// be in a network of the platform's own, where no tenant could send anything.
    pub async fn relay_addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
        let name = match Host::parse(host.trim()).map_err(|_| super::Refusal::Host)? {
            Host::Ipv4(address) => return Ok(vec![SocketAddr::new(address.into(), port)]),
            Host::Ipv6(address) => return Ok(vec![SocketAddr::new(address.into(), port)]),
            Host::Domain(name) => name,
        };
        let answers = timeout(CONNECT, self.hosts.lookup(&name))
            .await
            .map_err(|_| DialError::Timeout)?
            .map_err(DialError::Resolve)?;
        let answers = answers.into_iter().take(MAX_ADDRESSES);
        Ok(answers.map(|address| SocketAddr::new(address, port)).collect())
    }
}
