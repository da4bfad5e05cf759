//! What kind of router is simulated.

use std::net::SocketAddr;
use std::time::Duration;

/// A version of `RouterOS`, as far as it shows in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personality {
    /// 6.42.12: login by challenge only.
    V6Legacy,
    /// 6.49.10: plain login, challenge still answered.
    V6,
    /// 7.14.3: plain login only.
    V7,
    /// 7.18.2: says `!empty` when a print has no rows.
    V7Empty,
}

impl Personality {
    /// What `/system/resource` calls this version.
    pub const fn version(self) -> &'static str {
        match self {
            Self::V6Legacy => "6.42.12 (long-term)",
            Self::V6 => "6.49.10 (long-term)",
            Self::V7 => "7.14.3 (stable)",
            Self::V7Empty => "7.18.2 (stable)",
        }
    }

    pub(super) const fn says_empty(self) -> bool {
        matches!(self, Self::V7Empty)
    }

    pub(super) const fn takes_plain_login(self) -> bool {
        !matches!(self, Self::V6Legacy)
    }

    pub(super) const fn gives_challenge(self) -> bool {
        matches!(self, Self::V6Legacy | Self::V6)
    }

    pub(super) const fn no_such_item(self) -> &'static str {
        match self {
            Self::V6Legacy | Self::V6 => "no such item",
            Self::V7 | Self::V7Empty => "no such item (4)",
        }
    }
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Everything.
    Full,
    /// Everything but the policy `sensitive`: passwords are shown as asterisks.
    WithoutSensitive,
    /// Read only.
    Read,
}

/// A user of the API.
#[derive(Clone)]
pub struct User {
    /// Name.
    pub name: String,
    /// Password in clear: this is a simulator.
    pub password: String,
    /// Permissions.
    pub group: Group,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

/// The router itself.
#[derive(Debug, Clone)]
pub struct RouterConfig {
    /// Its version.
    pub personality: Personality,
    /// `/system/identity name`.
    pub identity: String,
    /// `/system/routerboard serial-number`; of a virtual router `/system/license system-id`.
    pub serial_number: String,
    /// A Cloud Hosted Router: it has a licence and no board.
    pub virtual_router: bool,
    /// Who may log in.
    pub users: Vec<User>,
    /// How long a customer's device waits before it dials again.
    pub redial_after: Duration,
    /// Whether a device appears for every new secret, or only where [`super::Router::plug_in`] puts one.
    pub dial_automatically: bool,
}

impl RouterConfig {
    /// A router with the user `api` and the password `rahasia`, on which nobody dials by itself.
    pub fn new(personality: Personality) -> Self {
        let user = User {
            name: "api".into(),
            password: "rahasia".into(),
            group: Group::Full,
        };
        Self {
            personality,
            identity: "simulated".into(),
            serial_number: "HEX0SIM0001".into(),
            virtual_router: false,
            users: vec![user],
            redial_after: Duration::from_secs(1),
            dial_automatically: false,
        }
    }
}

/// A certificate with its key, both in DER.
#[derive(Clone)]
pub struct Certificate {
    /// The certificate.
    pub der: Vec<u8>,
    /// Its key in PKCS#8.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate")
            .field("bytes", &self.der.len())
            .finish_non_exhaustive()
    }
}

/// Where the router listens. Port 0 takes a free one.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The router behind the sockets.
    pub router: RouterConfig,
    /// The service `api`.
    pub plain: Option<SocketAddr>,
    /// The service `api-ssl`.
    pub tls: Option<SocketAddr>,
    /// Its certificate; one signed by its own key is made at start if none is given.
    pub certificate: Option<Certificate>,
    /// Lines of [`super::Faults::apply_line`], one answer line each. Loopback only: it has no password.
    pub control: Option<SocketAddr>,
    /// API sessions at once, `max-sessions` of the service.
    pub session_limit: usize,
}

impl ServerConfig {
    /// Plain and TLS on free loopback ports, 20 sessions.
    pub fn loopback(router: RouterConfig) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            router,
            plain: Some(free),
            tls: Some(free),
            certificate: None,
            control: None,
            session_limit: 20,
        }
    }

    /// No sockets: only [`super::ServerHandle::open`], for tests in virtual time.
    pub fn in_memory(router: RouterConfig) -> Self {
        Self {
            router,
            plain: None,
            tls: None,
            certificate: None,
            control: None,
            session_limit: 20,
        }
    }
}
