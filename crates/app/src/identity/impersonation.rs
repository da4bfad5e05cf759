//! A super admin's word that they act as somebody inside a tenant. The session follows in the tenant's own log: one
//! command, one tenant.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    SessionId, TenantId, UserId,
    identity::{Impersonation, ImpersonationCommand},
    operations::Reason,
};
use simpul_event_store::{Access, Command, Work};

use crate::{Outcome, Refusal, decide, permission};

/// Records it in the platform's log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RequestImpersonation {
    pub by: UserId,
    pub tenant: TenantId,
    pub user: UserId,
    pub reason: Reason,
}

impl Command for RequestImpersonation {
    const NAME: &'static str = "impersonation.request";
    const ACCESS: Access = Access::permission(permission::PLATFORM_IMPERSONATE);
    type Answer = SessionId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<SessionId> {
        let session = SessionId::new(work.new_uuid());
        let id = session.to_string();
        let command = ImpersonationCommand::Request {
            session,
            by: self.by,
            tenant: self.tenant,
            user: self.user,
            reason: self.reason.clone(),
            at: work.at(),
        };
        work.begin::<Impersonation>(&id);
        decide::<Impersonation>(work, &id, command).await?;
        Ok(session)
    }
}
