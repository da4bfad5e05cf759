//! Who asks, from where, and why: the metadata of every event that a command leads to.

use std::{fmt, net::IpAddr, sync::Arc};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use simpul_domain::{
    ApiKeyId, CommandId, CorrelationId, EventId, NoticeId, Sealed, TenantId, TimerId, UserId,
};
use uuid::Uuid;

use super::origin::{self, Origin};

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person or machine with credentials; its permissions are checked.
    User(UserId),
    /// A machine with a key of a user's, who may do what the user may and the key allows.
    Key {
        user: UserId,
        key: ApiKeyId,
        scopes: Arc<[String]>,
    },
    /// A part of the product: a policy, a worker, the command line. The name is stored.
    System(&'static str),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) | Self::Key { user, .. } => user.fmt(f),
            Self::System(name) => write!(f, "system:{name}"),
        }
    }
}

impl Actor {
    /// Whose permissions are asked for; nobody's for the product itself.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::User(user) | Self::Key { user, .. } => Some(*user),
            Self::System(_) => None,
        }
    }

    /// Whether the credentials themselves are good for it, whatever their user may do.
    fn covers(&self, permission: &str) -> bool {
        match self {
            Self::Key { scopes, .. } => scopes.iter().any(|scope| scope == permission),
            Self::User(_) | Self::System(_) => true,
        }
    }

    /// Whether somebody who holds `permissions` may do what asks for `permission`.
    pub fn may(&self, permission: &str, permissions: &[String]) -> bool {
        self.covers(permission) && permissions.iter().any(|held| held == permission)
    }
}

/// What led to a command, if not a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Event(EventId),
    Notice(NoticeId),
    Timer(TimerId),
}

impl Cause {
    pub const fn as_uuid(self) -> Uuid {
        match self {
            Self::Event(id) => id.as_uuid(),
            Self::Notice(id) => id.as_uuid(),
            Self::Timer(id) => id.as_uuid(),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(id) => id.fmt(f),
            Self::Notice(id) => id.fmt(f),
            Self::Timer(id) => id.fmt(f),
        }
    }
}

/// The frame of one command.
#[derive(Debug, Clone)]
pub struct Context {
    pub tenant: TenantId,
    pub actor: Actor,
    /// The super admin who acts as `actor`, or at whose word the product acts (ADR 90); shown in the tenant's audit.
    pub impersonator: Option<UserId>,
    /// Sealed before it is stored, as is the next.
    pub ip: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
    pub correlation: CorrelationId,
    pub cause: Option<Cause>,
    /// The idempotency key: one id, one effect, for ever.
    pub command_id: CommandId,
    /// When the fact holds, if that is not when it is recorded (an imported payment).
    pub effective_at: Option<DateTime<Utc>>,
    /// Decide and answer, but append nothing.
    pub dry_run: bool,
    /// The version that whoever commands has seen of what the command is about ([`super::Command::version`]); another one is
    /// refused.
    pub expected_version: Option<i64>,
}

impl Context {
    /// A command of the product itself, caused by `cause`, whose id follows from it: a repeat is a no-op.
    pub fn caused(
        tenant: TenantId,
        name: &'static str,
        cause: Cause,
        correlation: CorrelationId,
        index: usize,
    ) -> Self {
        Self {
            tenant,
            actor: Actor::System(name),
            impersonator: None,
            ip: None,
            user_agent: None,
            request_id: None,
            correlation,
            cause: Some(cause),
            command_id: CommandId::derive(cause.as_uuid(), &format!("{name}/{index}")),
            effective_at: None,
            dry_run: false,
            expected_version: None,
        }
    }

    /// A command of a person with the client's own key: uuidv5(actor, command, key) (DESIGN section 10).
    pub fn keyed(tenant: TenantId, actor: UserId, command: &str, key: &str) -> CommandId {
        let scope = Uuid::new_v5(&tenant.as_uuid(), actor.to_string().as_bytes());
        CommandId::derive(scope, &format!("{command}/{key}"))
    }

    /// Metadata as stored: a flat map of texts, which is what stock `postgres-es` reads.
    pub(crate) fn metadata(&self, command: &str, from: Option<&Origin>) -> Value {
        let mut map = Map::new();
        let mut put = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                map.insert(key.to_owned(), Value::String(value));
            }
        };
        put("actor", Some(self.actor.to_string()));
        if let Actor::Key { key, .. } = &self.actor {
            put("api_key", Some(key.to_string()));
        }
        put("impersonator", self.impersonator.map(|id| id.to_string()));
        if let Some(from) = from {
            let text = |sealed: &Option<Sealed>| sealed.as_ref().map(|sealed| sealed.as_str().to_owned());
            put(origin::field::IP, text(&from.ip));
            put(origin::field::USER_AGENT, text(&from.user_agent));
        }
        put("request_id", self.request_id.clone());
        put("correlation_id", Some(self.correlation.to_string()));
        put("causation_id", self.cause.map(|cause| cause.to_string()));
        put("command_id", Some(self.command_id.to_string()));
        put("command", Some(command.to_owned()));
        put(
            "effective_at",
            self.effective_at
                .map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true)),
        );
        Value::Object(map)
    }
}
