//! What the worker asks of the rest of the product. The binary implements it over the read models, the vault, the
//! egress guard and the command bus.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use simpul_domain::{
    RouterId, SubscriptionId, TenantId,
    network::{
        RouterAddress, Sha256Hex,
        desired::DesiredState,
        provisioning::{Access, FailureKind},
    },
    ports::KnownIdentity,
};
use simpul_event_store::inline::lane::Leased;
use simpul_routeros::tls::Roots;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{egress, work_loop::PortError};

/// What a router should hold, with the account's password opened.
#[derive(Clone)]
pub struct Wanted {
    pub state: DesiredState,
    pub password: SecretString,
}

/// The password does not print.
impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wanted").field(&self.state).finish()
    }
}

/// How a router is reached, with its password opened.
#[derive(Debug, Clone)]
pub struct Reach {
    pub address: RouterAddress,
    pub username: String,
    pub password: SecretString,
    /// RouterOS before 6.43: challenge and response.
    pub legacy_login: bool,
    /// Who answered at this address first; another one is refused. `None` before the first contact.
    pub known: Option<KnownIdentity>,
    /// Who may vouch for its certificate with `TlsMode::Verified`.
    pub roots: Roots,
}

/// What a router says about itself at the first contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    /// The board's serial number, or of a virtual router `license:` and the id of its licence.
    pub serial: Option<String>,
    pub name: String,
    pub version: String,
}

/// The router was read back and is as wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub subscription: SubscriptionId,
    pub router: RouterId,
    pub desired_version: u64,
    pub access: Access,
    pub desired_hash: Sha256Hex,
    /// SHA-256 of what was read back, in the same canonical form.
    pub observed_hash: Sha256Hex,
    /// Tries since the wish, from 1.
    pub attempt: u32,
}

/// The router is not as wanted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    pub subscription: SubscriptionId,
    pub router: RouterId,
    pub desired_version: u64,
    pub kind: FailureKind,
    pub attempt: u32,
    pub next_try_at: DateTime<Utc>,
}

/// The worker's surroundings.
///
/// Outcomes are reported at least once: their command ids should follow from `lane.origin`, the desired version, the
/// attempt and the kind.
pub trait Ports: Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// What the router should hold now; nothing before the first activation.
    fn desired(
        &self,
        tenant: TenantId,
        subscription: SubscriptionId,
    ) -> impl Future<Output = Result<Option<Wanted>, PortError>> + Send;

    /// How a router of the tenant is reached, as of this version of a desired state or later; nothing for one that is
    /// unknown or retired.
    fn reach(
        &self,
        tenant: TenantId,
        router: RouterId,
        version: u64,
    ) -> impl Future<Output = Result<Option<Reach>, PortError>> + Send;

    /// The router introduced itself at its address for the first time: from now on it is the one. False when another
    /// one has done so meanwhile.
    fn introduced(
        &self,
        tenant: TenantId,
        router: RouterId,
        said: Introduction,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Opens a socket to the router, through the egress guard and its tenant's tunnels.
    fn dial(
        &self,
        tenant: TenantId,
        address: &RouterAddress,
    ) -> impl Future<Output = Result<Self::Stream, egress::DialError>> + Send;

    fn confirmed(&self, lane: &Leased, proof: Proof) -> impl Future<Output = Result<(), PortError>> + Send;

    fn failed(&self, lane: &Leased, failure: Failure) -> impl Future<Output = Result<(), PortError>> + Send;
}
