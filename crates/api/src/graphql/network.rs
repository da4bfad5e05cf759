//! Routers.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    Personal,
    network::{ChangeRouterAddress, RegisterRouter, RetireRouter},
    permission,
};
use simpul_domain::{
    RouterId,
    network::{RouterAddress, RouterHost, Sha256Hex, router::TlsMode as DomainTls},
};
use simpul_event_store::feed::Projector as _;
use simpul_projections::network::router_list::{self, RouterListProjector, RouterRow};

use super::{
    batch,
    fields::Fields,
    page::{Asked, RowConnection, Window, row_connection},
    payload::payload,
    rows::{plain, words},
    scalar::{DateTime, version},
    scope::{Scope, Sent, scope},
    user_error::UserError,
};
use crate::ApiError;

const LIST: &str = "routers";

/// How the connection to a router is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum TlsMode {
    /// API port without TLS.
    Plain,
    /// TLS with a certificate that public roots prove.
    Verified,
    /// TLS with exactly one certificate.
    Pinned,
}

/// A router, as it is managed. Its password cannot be read.
#[derive(Debug, SimpleObject)]
pub(crate) struct Router {
    /// Opaque.
    pub(crate) id: ID,
    /// As the operator calls it.
    name: String,
    /// DNS name or IP address.
    host: String,
    /// API port.
    port: i32,
    /// How the connection is protected.
    tls: TlsMode,
    /// With which the platform logs in.
    username: String,
    /// Serial number, once it was asked; of a virtual router `license:` and the id of its licence.
    serial: Option<String>,
    /// What the router calls itself.
    identity: Option<String>,
    /// Version of RouterOS.
    os_version: Option<String>,
    /// Another device answered at the last identification.
    serial_changed: bool,
    /// When it last said who it is.
    identified_at: Option<DateTime>,
    /// When it was registered.
    registered_at: DateTime,
    /// When it was given up.
    retired_at: Option<DateTime>,
    /// Which version this is; sent back as `expectedVersion`, it has a change refused if somebody was faster.
    version: i32,
}

impl From<RouterRow> for Router {
    fn from(row: RouterRow) -> Self {
        Self {
            id: row.router.to_string().into(),
            name: row.name,
            host: row.address.host.as_str().to_owned(),
            port: row.address.port.into(),
            tls: match row.address.tls {
                DomainTls::Plain => TlsMode::Plain,
                DomainTls::Verified => TlsMode::Verified,
                DomainTls::Pinned { .. } => TlsMode::Pinned,
            },
            username: row.username,
            serial: row.serial,
            identity: row.identity,
            os_version: row.os_version,
            serial_changed: row.serial_changed,
            identified_at: row.identified_at.map(DateTime),
            registered_at: DateTime(row.registered_at),
            retired_at: row.retired_at.map(DateTime),
            version: version(row.version),
        }
    }
}

words!(TlsMode);
plain! {
    Router {
        "id" => id,
        "name" => name,
        "host" => host,
        "port" => port,
        "tls" => tls,
        "username" => username,
        "serial" => serial,
        "identity" => identity,
        "osVersion" => os_version,
        "serialChanged" => serial_changed,
        "identifiedAt" => identified_at,
        "registeredAt" => registered_at,
        "retiredAt" => retired_at,
        "version" => version,
    }
}

impl Router {
    pub(super) async fn load(scope: &Arc<Scope>, router: RouterId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::ROUTER_READ).await?;
        Ok(batch::one::<RouterRow>(scope, router).await?.map(Self::from))
    }
}

/// A new router.
#[derive(InputObject)]
pub(crate) struct RouterRegisterInput {
    /// As the operator calls it; 1 to 100 characters.
    name: String,
    /// DNS name or IP address.
    host: String,
    /// API port; 8728, or 8729 with TLS.
    port: i32,
    /// How the connection is protected.
    tls: TlsMode,
    /// SHA-256 of the certificate in hex, with `PINNED`.
    tls_sha256: Option<String>,
    /// With which the platform logs in.
    username: String,
    /// Cannot be read back.
    password: String,
    /// Use the challenge login of versions before 6.43.
    #[graphql(default)]
    legacy_login: bool,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// Where a router is, as it was typed.
fn address(
    fields: &mut Fields,
    (host, port): (&str, i32),
    tls: TlsMode,
    tls_sha256: Option<&str>,
) -> Option<RouterAddress> {
    let host = fields.take("host", "pattern", RouterHost::parse(host));
    let port = fields.take("port", "range", u16::try_from(port));
    let tls = match tls {
        TlsMode::Plain => Some(DomainTls::Plain),
        TlsMode::Verified => Some(DomainTls::Verified),
        TlsMode::Pinned => {
            let sha256 = Sha256Hex::parse(tls_sha256.unwrap_or_default());
            let sha256 = fields.take("tlsSha256", "pattern", sha256);
            sha256.map(|sha256| DomainTls::Pinned { sha256 })
        }
    };
    let address = host.zip(port).zip(tls);
    address.map(|((host, port), tls)| RouterAddress { host, port, tls })
}

impl RouterRegisterInput {
    fn command(&self) -> Result<RegisterRouter, Vec<UserError>> {
        let mut fields = Fields::default();
        let at = (self.host.as_str(), self.port);
        let address = address(&mut fields, at, self.tls, self.tls_sha256.as_deref());
        fields.done(address.map(|address| RegisterRouter {
            name: self.name.clone(),
            address,
            username: self.username.clone(),
            password: Personal::new(&self.password),
            legacy_login: self.legacy_login,
        }))
    }
}

/// A router elsewhere, or another device at its address. The password is given anew, so that a stored one never goes
/// to another host.
#[derive(InputObject)]
pub(crate) struct RouterAddressChangeInput {
    /// Of the router.
    id: ID,
    /// DNS name or IP address.
    host: String,
    /// API port; 8728, or 8729 with TLS.
    port: i32,
    /// How the connection is protected.
    tls: TlsMode,
    /// SHA-256 of the certificate in hex, with `PINNED`.
    tls_sha256: Option<String>,
    /// With which the platform logs in.
    username: String,
    /// Cannot be read back.
    password: String,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

impl RouterAddressChangeInput {
    fn command(&self) -> Result<ChangeRouterAddress, Vec<UserError>> {
        let mut fields = Fields::default();
        let router = fields.id("id", "router", &self.id);
        let at = (self.host.as_str(), self.port);
        let address = address(&mut fields, at, self.tls, self.tls_sha256.as_deref());
        fields.done(router.zip(address).map(|(router, address)| ChangeRouterAddress {
            router,
            address,
            username: self.username.clone(),
            password: Personal::new(&self.password),
        }))
    }
}

payload! {
    /// What `routerAddressChange` answers.
    RouterAddressChangePayload { router: Router = RouterId }
}
/// Which router.
#[derive(Debug, InputObject)]
pub(crate) struct RouterRetireInput {
    /// Of the router.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl RouterRetireInput {
    fn command(&self) -> Result<RetireRouter, Vec<UserError>> {
        let mut fields = Fields::default();
        let router = fields.id("id", "router", &self.id);
        fields.done(router.map(|router| RetireRouter { router }))
    }
}

payload! {
    /// What `routerRetire` answers.
    RouterRetirePayload { router: Router = RouterId }
}
payload! {
    /// What `routerRegister` answers.
    RouterRegisterPayload { router: Router = RouterId }
}

/// Questions about routers.
#[derive(Debug, Default)]
pub(crate) struct NetworkQuery;

#[Object]
impl NetworkQuery {
    /// Routers, newest first; at most 100 a page.
    /// Permission: router.read
    async fn routers(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<RowConnection<Router>> {
        let scope = scope(context)?;
        scope.require(permission::ROUTER_READ).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let mut tx = scope.read(&[RouterListProjector::NAME]).await?;
        let slice = router_list::list(&mut tx, false, asked.page()?)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(row_connection(&asked, slice, Into::into))
    }
}

/// Commands about routers.
#[derive(Debug, Default)]
pub(crate) struct NetworkMutation;

#[Object]
impl NetworkMutation {
    /// Manages a router from now on.
    /// Permission: router.write
    async fn router_register(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: RouterRegisterInput,
    ) -> Result<RouterRegisterPayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("router", key, input.command(), |router| router);
        Ok(outcome.await?.into())
    }

    /// Reaches a router elsewhere. Whoever answers there first is the router from then on, and all of its lines are
    /// looked at again.
    /// Permission: router.write
    async fn router_address_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: RouterAddressChangeInput,
    ) -> Result<RouterAddressChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_str(), input.expected_version);
        let outcome = scope(context)?.edit("router", sent, input.command(), |router| router);
        Ok(outcome.await?.into())
    }

    /// Manages a router no more, which gives its place in the plan back. Refused while lines are on it.
    /// Permission: router.write
    async fn router_retire(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: RouterRetireInput,
    ) -> Result<RouterRetirePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("router", key, input.command(), |router| router);
        Ok(outcome.await?.into())
    }
}
