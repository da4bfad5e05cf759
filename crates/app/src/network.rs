//! Routers and what is known about subscriptions on them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    RouterId, SubscriptionId,
    network::{
        Access as Service, Provisioning, ProvisioningCommand, Router, RouterAddress, RouterCommand,
        Sha256Hex,
        provisioning::{FailureKind, RecordConfirmed, RecordFailed},
        router::RegisterRouter as Register,
    },
    tenancy::Resource,
};
use simpul_event_store::{Access, Command, StoreError, Work};

use crate::{Outcome, Personal, Refusal, decide, permission, subscriptions};

/// Scope of the set of lines that are on a router, by the router.
pub(crate) const LINES: &str = "router.lines";

/// Field of a router that is sealed.
pub const PASSWORD_FIELD: &str = "password";

/// Manages a router from now on. Counts against the tenant's limit in the same transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegisterRouter {
    pub name: String,
    pub address: RouterAddress,
    pub username: String,
    pub password: Personal,
    pub legacy_login: bool,
}

impl Command for RegisterRouter {
    const NAME: &'static str = "router.register";
    const ACCESS: Access = Access::permission(permission::ROUTER_WRITE);
    type Answer = RouterId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<RouterId> {
        let router = RouterId::new(work.new_uuid());
        let (id, at) = (router.to_string(), work.at());
        let keys = work.begin_subject(&id).await?;
        let register = Register {
            router,
            name: self.name.clone(),
            address: self.address.clone(),
            username: self.username.clone(),
            password: keys.seal(&id, PASSWORD_FIELD, self.password.as_str())?,
            legacy_login: self.legacy_login,
            at,
        };
        work.begin::<Router>(&id);
        decide::<Router>(work, &id, RouterCommand::Register(Box::new(register))).await?;
        work.quota(Resource::Routers.as_str(), 1);
        Ok(router)
    }
}

/// Reaches a router elsewhere, or by another login. The password is given anew, so that a stored one is never handed
/// to another host. Whoever answers first is the router from then on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeRouterAddress {
    pub router: RouterId,
    pub address: RouterAddress,
    pub username: String,
    pub password: Personal,
}

impl Command for ChangeRouterAddress {
    const NAME: &'static str = "router.change_address";
    const ACCESS: Access = Access::permission(permission::ROUTER_WRITE);
    type Answer = RouterId;
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<Router>(&self.router.to_string()).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<RouterId> {
        let id = self.router.to_string();
        let command = RouterCommand::ChangeAddress {
            address: self.address.clone(),
            username: self.username.clone(),
            password: self.password.seal(work, &id, PASSWORD_FIELD).await?,
            at: work.at(),
        };
        decide::<Router>(work, &id, command).await?;
        Ok(self.router)
    }
}

/// Manages a router no more. It counts against the limit no more either. Refused while lines are on it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RetireRouter {
    pub router: RouterId,
}

impl Command for RetireRouter {
    const NAME: &'static str = "router.retire";
    const ACCESS: Access = Access::permission(permission::ROUTER_WRITE);
    type Answer = RouterId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<RouterId> {
        let (id, at) = (self.router.to_string(), work.at());
        hold(work, self.router).await?;
        let lines = work.members(LINES, &id).await?.len();
        if !decide::<Router>(work, &id, RouterCommand::Retire { lines, at })
            .await?
            .is_empty()
        {
            work.quota(Resource::Routers.as_str(), -1);
        }
        Ok(self.router)
    }
}

/// Makes those who put lines on a router, and who retires it, wait for each other until they have committed.
pub(crate) async fn hold(work: &mut Work<'_>, router: RouterId) -> Outcome<()> {
    work.next_number(&format!("{LINES}/{router}")).await?;
    Ok(())
}

/// What a router said about itself when it was asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordRouterIdentity {
    pub router: RouterId,
    pub serial: Option<String>,
    pub identity: String,
    pub version: String,
}

impl Command for RecordRouterIdentity {
    const NAME: &'static str = "router.record_identity";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let command = RouterCommand::RecordIdentity {
            serial: self.serial.clone(),
            identity: self.identity.clone(),
            version: self.version.clone(),
            at: work.at(),
        };
        decide::<Router>(work, &self.router.to_string(), command).await?;
        Ok(())
    }
}

/// The proof: the router was read back and is as wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConfirmProvisioning {
    pub subscription: SubscriptionId,
    pub router: RouterId,
    pub desired_version: u64,
    pub access: Service,
    pub desired_hash: Sha256Hex,
    pub observed_hash: Sha256Hex,
    pub attempt: u32,
}

impl Command for ConfirmProvisioning {
    const NAME: &'static str = "provisioning.confirm";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let command = ProvisioningCommand::RecordConfirmed(RecordConfirmed {
            subscription: self.subscription,
            router: self.router,
            desired_version: self.desired_version,
            access: self.access,
            desired_hash: self.desired_hash.clone(),
            observed_hash: self.observed_hash.clone(),
            attempt: self.attempt,
            at: work.at(),
        });
        decide::<Provisioning>(work, &self.subscription.to_string(), command).await?;
        if self.access == Service::Removed {
            subscriptions::give_up_name(work, self.subscription).await?;
        }
        Ok(())
    }
}

/// The router is not as wanted yet, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FailProvisioning {
    pub subscription: SubscriptionId,
    pub router: RouterId,
    pub desired_version: u64,
    pub kind: FailureKind,
    pub attempt: u32,
    pub next_try_at: DateTime<Utc>,
}

impl Command for FailProvisioning {
    const NAME: &'static str = "provisioning.fail";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let command = ProvisioningCommand::RecordFailed(RecordFailed {
            subscription: self.subscription,
            router: self.router,
            desired_version: self.desired_version,
            kind: self.kind,
            attempt: self.attempt,
            next_try_at: self.next_try_at,
            at: work.at(),
        });
        decide::<Provisioning>(work, &self.subscription.to_string(), command).await?;
        Ok(())
    }
}
