//! What provisioning asks for: desired states and routers from the read models, secrets from the vault, sockets
//! through the egress guard, and outcomes as commands.

use chrono::Utc;
use secrecy::SecretString;
use simpul_adapters::{
    egress::{DialError, Egress},
    provisioning::{Failure, Introduction, Ports, Proof, Reach, Wanted},
    work_loop::PortError,
};
use simpul_app::{
    Refusal,
    network::{ConfirmProvisioning, FailProvisioning, PASSWORD_FIELD, RecordRouterIdentity},
    subscriptions::SECRET_FIELD,
};
use simpul_domain::{
    CommandId, RouterId, Sealed, SubscriptionId, TenantId,
    network::{RouterAddress, RouterError},
    ports::{DesiredStates as _, RouterDirectory as _},
};
use simpul_event_store::{Bus, DispatchError, EventStore, StoreError, inline::lane::Leased};
use simpul_projections::network::{StoredDesiredStates, StoredRouterDirectory};
use simpul_routeros::tls::Roots;
use tokio::net::TcpStream;

use super::outcomes;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Routers {
    bus: Bus,
    egress: Egress,
    desired: StoredDesiredStates,
    directory: StoredRouterDirectory,
    roots: Roots,
}

impl Routers {
    pub(crate) fn new(bus: Bus, egress: Egress, roots: Roots) -> Self {
        let store = bus.store().clone();
        Self {
            bus,
            egress,
            desired: StoredDesiredStates::new(store.clone()),
            directory: StoredRouterDirectory::new(store),
            roots,
        }
    }

    const fn store(&self) -> &EventStore {
        self.bus.store()
    }

    async fn open(
        &self,
        tenant: TenantId,
        subject: &str,
        field: &str,
        sealed: &Sealed,
    ) -> Result<SecretString, StoreError> {
        let mut tx = self.store().db().tenant_tx(tenant).await?;
        let opened = self.store().vault().open(&mut tx, subject, field, sealed).await?;
        tx.commit().await?;
        Ok(opened)
    }
}

impl Ports for Routers {
    type Stream = TcpStream;

    async fn desired(
        &self,
        tenant: TenantId,
        subscription: SubscriptionId,
    ) -> Result<Option<Wanted>, PortError> {
        let Some(state) = self
            .desired
            .desired(tenant, subscription)
            .await
            .map_err(PortError::new)?
        else {
            return Ok(None);
        };
        let password = self
            .open(tenant, &subscription.to_string(), SECRET_FIELD, &state.secret)
            .await?;
        Ok(Some(Wanted { state, password }))
    }

    async fn reach(
        &self,
        tenant: TenantId,
        router: RouterId,
        version: u64,
    ) -> Result<Option<Reach>, PortError> {
        let connection = self
            .directory
            .connection(tenant, router, version)
            .await
            .map_err(PortError::new)?;
        let Some(connection) = connection else {
            return Ok(None);
        };
        let password = self
            .open(tenant, &router.to_string(), PASSWORD_FIELD, &connection.password)
            .await?;
        Ok(Some(Reach {
            address: connection.address,
            username: connection.username,
            password,
            legacy_login: connection.legacy_login,
            known: connection.identity,
            roots: self.roots.clone(),
        }))
    }

    async fn introduced(
        &self,
        tenant: TenantId,
        router: RouterId,
        said: Introduction,
    ) -> Result<bool, PortError> {
        let command = RecordRouterIdentity {
            router,
            serial: said.serial,
            identity: said.name,
            version: said.version,
        };
        // The same introduction may be news again at another address, so its id does not follow from what is said.
        let context = outcomes::context(tenant, "provisioning", None, self.store().new_command_id());
        match self.bus.dispatch(context, command).await {
            Ok(_) => Ok(true),
            Err(DispatchError::Refused(Refusal::Router(RouterError::OtherRouter))) => Ok(false),
            Err(error) => Err(PortError::new(error)),
        }
    }

    async fn dial(&self, _tenant: TenantId, address: &RouterAddress) -> Result<TcpStream, DialError> {
        // Tunnels of a tenant come with the network context; until then routers are reached at public addresses.
        self.egress
            .dial_router(address.host.as_str(), address.port, &[])
            .await
    }

    async fn confirmed(&self, lane: &Leased, proof: Proof) -> Result<(), PortError> {
        let key = format!("confirmed/{}/{}", proof.desired_version, proof.attempt);
        let context = outcomes::context(lane.tenant, "provisioning", lane.origin, lane_command(lane, &key));
        let command = ConfirmProvisioning {
            subscription: proof.subscription,
            router: proof.router,
            desired_version: proof.desired_version,
            access: proof.access,
            desired_hash: proof.desired_hash,
            observed_hash: proof.observed_hash,
            attempt: proof.attempt,
        };
        outcomes::record(&self.bus, context, command).await
    }

    async fn failed(&self, lane: &Leased, failure: Failure) -> Result<(), PortError> {
        let key = format!(
            "failed/{}/{}/{:?}",
            failure.desired_version, failure.attempt, failure.kind
        );
        let context = outcomes::context(lane.tenant, "provisioning", lane.origin, lane_command(lane, &key));
        let command = FailProvisioning {
            subscription: failure.subscription,
            router: failure.router,
            desired_version: failure.desired_version,
            kind: failure.kind,
            attempt: failure.attempt,
            next_try_at: failure.next_try_at.with_timezone(&Utc),
        };
        outcomes::record(&self.bus, context, command).await
    }
}

/// One report of one run of a lane: the epoch tells runs apart, so that a repeat within a run is a no-op.
fn lane_command(lane: &Leased, key: &str) -> CommandId {
    CommandId::derive(
        lane.tenant.as_uuid(),
        &format!("{}/{}/{}/{key}", lane.kind, lane.subject, lane.epoch),
    )
}
