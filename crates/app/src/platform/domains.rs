//! Domains that the platform takes away from a tenant, or lets it have again (F30). The tenant's own log follows by policy.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    TenantId,
    platform::{Account, AccountCommand},
    tenancy::DomainName,
};
use simpul_event_store::{Access, Command, Work};

use crate::{Outcome, Refusal, decide, permission};

/// What becomes of a tenant's domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DomainChange {
    /// It leads to the tenant no more, and is refused to it from now on.
    Revoke { reason: String },
    /// The tenant may ask for it again.
    Allow,
}

/// Says what becomes of a tenant's domain.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeDomain {
    pub tenant: TenantId,
    pub name: DomainName,
    pub change: DomainChange,
}

impl Command for ChangeDomain {
    const NAME: &'static str = "account.change_domain";
    const ACCESS: Access = Access::permission(permission::PLATFORM_TENANTS);
    type Answer = TenantId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<TenantId> {
        let (name, at) = (self.name.clone(), work.at());
        let command = match &self.change {
            DomainChange::Revoke { reason } => AccountCommand::RevokeDomain {
                name,
                reason: reason.clone(),
                at,
            },
            DomainChange::Allow => AccountCommand::AllowDomain { name, at },
        };
        decide::<Account>(work, &self.tenant.to_string(), command).await?;
        Ok(self.tenant)
    }
}
