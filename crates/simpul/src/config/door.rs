//! The front door: where it listens, which documents it trusts, and how much may be asked.

use std::{
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
};

use serde::Deserialize;
use simpul_adapters::egress::Prefix;
use simpul_api::{
    BySurface, ProxyHeader, Settings, TrustedDocuments,
    budget::{self, Rate},
};
use simpul_projections::registry;
use url::Url;

use super::{Config, ConfigError, read};
use crate::listen::{self, Room, TooFewFiles};

/// Files of the process's own besides its database's pools and leases of read models: reactors and rounds, the broker,
/// routers and services that are talked to at once, keys, logs.
const OUTSIDE: u64 = 112;

/// The front door.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    pub listen: SocketAddr,
    /// How gateways and browsers reach it; part of callback URLs.
    pub public_url: Url,
    /// Manifests of the GraphQL documents of our own clients: `{"sha256:<hex>": "<document>"}`.
    pub documents: Documents,
    /// Origins of pages that may open sockets, besides the server's own.
    pub origins: Vec<String>,
    pub proxies: Proxies,
    pub connections: Connections,
    /// How long requests are still taken after `/ready` has begun to say no.
    pub drain_ms: u64,
}

/// Who may say for whom they ask (ADR 41).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Proxies {
    /// `["10.0.0.0/8"]`. Without any, the address of a caller is where the connection comes from.
    pub networks: Vec<Prefix>,
    /// In which header they say it; the other one is never read.
    pub header: ProxyHeader,
}

/// How many connections clients may hold (ADR 65).
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connections {
    /// At a time; fewer where the process may not open so many files.
    pub total: usize,
    /// Of one address (of IPv6: one /64) that is none of our proxies.
    pub per_address: NonZeroU32,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            total: 10_000,
            per_address: NonZeroU32::MIN.saturating_add(255),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        // INVARIANT: the literal is a URL; a unit test reads the defaults.
        let public_url =
            Url::parse("http://127.0.0.1:8080/").unwrap_or_else(|_| unreachable!("a literal URL"));
        Self {
            listen,
            public_url,
            documents: Documents::default(),
            origins: Vec::new(),
            proxies: Proxies::default(),
            connections: Connections::default(),
            drain_ms: 1_000,
        }
    }
}

/// Manifests of documents, by the surface that answers them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Documents {
    /// With any of them, other documents of the staff need the permission `api.adhoc`.
    pub staff: Vec<PathBuf>,
    /// The portal answers no others.
    pub portal: Vec<PathBuf>,
    pub platform: Vec<PathBuf>,
}

/// How much may be asked of the API.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub address_requests_per_minute: u32,
    pub user_requests_per_minute: u32,
    pub staff: Points,
    pub portal: Points,
    pub platform: Points,
}

/// How much the operations of a surface may cost.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    pub user_points_per_minute: u32,
    pub tenant_points_per_minute: u32,
    /// Points of one GraphQL operation.
    pub operation_points: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let limits = budget::Limits::default();
        Self {
            address_requests_per_minute: limits.address_requests.per_minute,
            user_requests_per_minute: limits.user_requests.per_minute,
            staff: limits.points.staff.into(),
            portal: limits.points.portal.into(),
            platform: limits.points.platform.into(),
        }
    }
}

impl From<budget::Points> for Points {
    fn from(points: budget::Points) -> Self {
        Self {
            user_points_per_minute: points.user.per_minute,
            tenant_points_per_minute: points.tenant.per_minute,
            operation_points: points.operation,
        }
    }
}

/// A minute's worth may be spent at once.
const fn rate(per_minute: u32) -> Rate {
    Rate {
        capacity: per_minute,
        per_minute,
    }
}

impl From<Points> for budget::Points {
    fn from(points: Points) -> Self {
        Self {
            user: rate(points.user_points_per_minute),
            tenant: rate(points.tenant_points_per_minute),
            operation: points.operation_points,
        }
    }
}

impl From<Limits> for budget::Limits {
    fn from(limits: Limits) -> Self {
        Self {
            address_requests: rate(limits.address_requests_per_minute),
            user_requests: rate(limits.user_requests_per_minute),
            points: BySurface {
                staff: limits.staff.into(),
                portal: limits.portal.into(),
                platform: limits.platform.into(),
            },
        }
    }
}

impl Config {
    /// What the front door is opened with.
    pub fn door(&self) -> Result<Settings, ConfigError> {
        let manifests = &self.http.documents;
        let documents = BySurface {
            staff: trusted("http.documents.staff", &manifests.staff)?,
            portal: trusted("http.documents.portal", &manifests.portal)?,
            platform: trusted("http.documents.platform", &manifests.platform)?,
        };
        Ok(Settings {
            limits: self.limits.into(),
            documents,
            origins: self.http.origins.clone(),
            proxies: simpul_api::Proxies::new(self.http.proxies.networks.clone(), self.http.proxies.header),
            radius: self.radius()?,
        })
    }
}

impl Config {
    /// How many connections clients may hold, of what the process's limit of open files leaves to them.
    pub(crate) fn room(&self) -> Result<Room, TooFewFiles> {
        let wanted = self.http.connections;
        Ok(Room {
            total: listen::room(wanted.total, self.own_files())?,
            per_address: wanted.per_address,
            proxies: self.http.proxies.networks.clone(),
        })
    }

    /// At most: the pools, by what each projection counts its processes where it is shared, and what goes to the broker, to
    /// routers and to services.
    fn own_files(&self) -> u64 {
        let database = &self.database;
        let pools = [
            database.app_connections,
            database.read_connections,
            database.system_connections,
        ];
        let shared = self.projector.shards > NonZeroU16::MIN;
        let counting = if shared { registry::NAMES.len() as u64 } else { 0 };
        pools.map(u64::from).iter().sum::<u64>() + counting + OUTSIDE
    }
}

/// The documents of all manifests of a surface.
fn trusted(key: &'static str, manifests: &[PathBuf]) -> Result<TrustedDocuments, ConfigError> {
    let mut documents = TrustedDocuments::default();
    for path in manifests {
        documents
            .add(&read(path)?)
            .map_err(|error| ConfigError::Invalid {
                key,
                problem: format!("{}: {error}", path.display()),
            })?;
    }
    Ok(documents)
}
