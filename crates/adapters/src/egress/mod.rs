//! The one guard for outbound sockets.
//!
//! Operators type in URLs and router addresses; without a guard they could make the platform reach its own
//! database, a metadata service or another tenant's network. Every HTTP request and every connection to a router
//! is made by [`Egress`], which checks the spelled host, each answer of the resolver, and the connected peer. What the
//! operator of the installation names (broker, mail server) may be anywhere.
//! clippy bans the other ways out.
//!
//! Two profiles: HTTP goes to public addresses only; a router may also live inside a prefix of a tunnel that its
//! own tenant registered. This machine can be reached in development mode alone.
//!
//! Deliberately not here: choosing the tunnel's interface or VRF, and rules of the operating system's firewall.

mod address;
mod http;
mod policy;
mod relay;
mod resolve;
mod router;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use address::{AddressClass, Prefix, PrefixError};
pub use http::{HttpClient, HttpError, HttpLimits, Outgoing, Reply};
pub use policy::{Mode, Policy, Refusal};
pub use resolve::Hosts;
pub use router::DialError;
use url::Url;

/// The guard. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Egress {
    policy: Arc<Policy>,
    hosts: Arc<Hosts>,
    http: HttpClient,
}

impl Egress {
    /// Fails when the TLS back end cannot start.
    pub fn new(policy: Policy) -> Result<Self, EgressError> {
        Self::with(policy, Hosts::default(), HttpLimits::default())
    }

    pub fn with(policy: Policy, hosts: Hosts, limits: HttpLimits) -> Result<Self, EgressError> {
        let (policy, hosts) = (Arc::new(policy), Arc::new(hosts));
        let http = HttpClient::new(Arc::clone(&policy), Arc::clone(&hosts), limits)?;
        Ok(Self { policy, hosts, http })
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// What can be said when an address is saved, before any name is resolved.
    pub fn check_url(&self, url: &Url) -> Result<(), Refusal> {
        self.policy.check_url(url)
    }
}

/// Why the guard cannot start.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot start")]
pub struct EgressError(#[from] reqwest::Error);
