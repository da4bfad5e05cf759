//! What may be reached: a pure decision over addresses, ports and URLs, and the reasons for a refusal.

use std::net::IpAddr;

use serde_json::json;
use simpul_domain::{Code, Coded};
use url::{Host, Url};

use super::{AddressClass, Prefix};

/// Where this installation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Public https only.
    Production,
    /// Production's rules, and plain http, and any port of this machine.
    Development,
}

/// The rules of the guard, fixed when the process starts.
#[derive(Debug, Clone)]
pub struct Policy {
    pub mode: Mode,
    /// Ports of HTTP targets outside this machine.
    pub http_ports: Vec<u16>,
    /// Ports of routers outside this machine.
    pub router_ports: Vec<u16>,
    /// The platform's own networks: refused always, also inside a tenant's tunnels.
    pub platform: Vec<Prefix>,
}

impl Policy {
    /// https on port 443; routers on their API, API-TLS and REST ports (8728, 8729, 80, 443).
    pub fn production() -> Self {
        Self {
            mode: Mode::Production,
            http_ports: vec![443],
            router_ports: vec![8728, 8729, 80, 443],
            platform: Vec::new(),
        }
    }

    /// Production's rules less what [`Mode::Development`] allows.
    pub fn development() -> Self {
        Self {
            mode: Mode::Development,
            http_ports: vec![80, 443],
            ..Self::production()
        }
    }

    /// Whether an HTTP request may go to this address.
    pub fn allow_http(&self, address: IpAddr, port: u16) -> Result<(), Refusal> {
        self.allow(address, port, &self.http_ports, &[])
    }

    /// Whether a connection to a router may go to this address. `tunnels` are the prefixes of the tunnels that
    /// the router's own tenant has registered; they open private space only.
    pub fn allow_router(&self, address: IpAddr, port: u16, tunnels: &[Prefix]) -> Result<(), Refusal> {
        self.allow(address, port, &self.router_ports, tunnels)
    }

    /// What can be known about a URL before its name is resolved.
    pub fn check_url(&self, url: &Url) -> Result<(), Refusal> {
        match (url.scheme(), self.mode) {
            ("https", _) | ("http", Mode::Development) => {}
            _ => return Err(Refusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        let port = url.port_or_known_default().ok_or(Refusal::Scheme)?;
        match url.host().ok_or(Refusal::Host)? {
            Host::Ipv4(address) => self.allow_http(address.into(), port),
            Host::Ipv6(address) => self.allow_http(address.into(), port),
            Host::Domain(_) => self.check_port_of_name(port, &self.http_ports),
        }
    }

    fn allow(&self, address: IpAddr, port: u16, ports: &[u16], tunnels: &[Prefix]) -> Result<(), Refusal> {
        if self.platform.iter().any(|network| network.contains(address)) {
            return Err(Refusal::Platform);
        }
        match AddressClass::of(address) {
            AddressClass::Loopback if self.mode == Mode::Development => Ok(()),
            AddressClass::Public => check_port(port, ports),
            AddressClass::Private if tunnels.iter().any(|tunnel| tunnel.contains(address)) => {
                check_port(port, ports)
            }
            class @ (AddressClass::Loopback | AddressClass::Private | AddressClass::Reserved) => {
                Err(Refusal::Address { class })
            }
        }
    }

    /// A name may turn out to be this machine, whose ports are free in development; its answers are checked again.
    fn check_port_of_name(&self, port: u16, ports: &[u16]) -> Result<(), Refusal> {
        match self.mode {
            Mode::Production => check_port(port, ports),
            Mode::Development => Ok(()),
        }
    }
}

fn check_port(port: u16, ports: &[u16]) -> Result<(), Refusal> {
    if ports.contains(&port) {
        Ok(())
    } else {
        Err(Refusal::Port { port })
    }
}

/// Why a destination is refused. Never says what a name resolved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("only https addresses are allowed")]
    Scheme,
    #[error("an address must not carry a user name or password")]
    Credentials,
    #[error("the host is missing or malformed")]
    Host,
    #[error("port {port} is not allowed")]
    Port { port: u16 },
    #[error("{class} addresses are not allowed")]
    Address { class: AddressClass },
    #[error("the address belongs to the platform")]
    Platform,
    #[error("the name leads to no allowed address")]
    Name,
}

impl Refusal {
    fn rule(self) -> &'static str {
        match self {
            Self::Scheme => "scheme",
            Self::Credentials => "credentials",
            Self::Host => "host",
            Self::Port { .. } => "port",
            Self::Address { .. } => "address",
            Self::Platform => "platform",
            Self::Name => "name",
        }
    }
}

impl Coded for Refusal {
    fn code(&self) -> Code {
        Code::TargetNotAllowed
    }

    fn params(&self) -> serde_json::Value {
        json!({ "rule": self.rule() })
    }
}
