//! Names to addresses, through the guard.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Policy, Refusal};
use crate::dns::Dns;

/// Where the answers for names come from.
#[derive(Debug, Clone, Default)]
pub enum Hosts {
    /// The system's resolver (`/etc/hosts`, DNS). Each question holds a thread until it is answered: for commands and
    /// tests, not for a server that tenants give names to.
    #[default]
    System,
    /// `/etc/hosts`, then name servers that are asked without a thread.
    Dns(Box<Dns>),
    /// A fixed table; every other name does not exist.
    Table(BTreeMap<String, Vec<IpAddr>>),
}

impl Hosts {
    /// Every address of `name`, unfiltered. A trailing dot (the DNS root) makes no difference in a table.
    pub(super) async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((name, 0))
                .await?
                .map(|address| address.ip())
                .collect()),
            Self::Dns(dns) => match dns.addresses(name).await.map_err(io::Error::other)? {
                none if none.is_empty() => Err(no_such_host()),
                addresses => Ok(addresses),
            },
            Self::Table(table) => {
                let found = table.get(name.trim_end_matches('.')).cloned();
                found.ok_or_else(no_such_host)
            }
        }
    }
}

fn no_such_host() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no such host")
}

/// Drops every answer that the policy refuses; without one left the name is refused.
///
/// The port is not known here: the URL's port was checked before, and an answer that only development's free
/// ports of this machine would allow is checked again as the connection's peer.
#[derive(Debug)]
pub(super) struct GuardedResolver {
    pub(super) policy: Arc<Policy>,
    pub(super) hosts: Arc<Hosts>,
}

impl GuardedResolver {
    fn filter(policy: &Policy, answers: Vec<IpAddr>) -> Result<Vec<SocketAddr>, Refusal> {
        let port = policy.http_ports.first().copied().ok_or(Refusal::Name)?;
        let allowed: Vec<SocketAddr> = answers
            .into_iter()
            .filter(|&address| policy.allow_http(address, port).is_ok())
            .map(|address| SocketAddr::new(address, 0))
            .collect();
        if allowed.is_empty() {
            Err(Refusal::Name)
        } else {
            Ok(allowed)
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, hosts) = (Arc::clone(&self.policy), Arc::clone(&self.hosts));
        Box::pin(async move {
            let answers = hosts.lookup(name.as_str()).await?;
            let allowed = Self::filter(&policy, answers)?;
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}
