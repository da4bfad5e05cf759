//! On what terms operators are billed.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    TenantId,
    billing::GatewayAccount,
    saas::{Terms, TermsCommand, terms::BillingTerms},
};
use simpul_event_store::{Access, Command, StoreError, Work};

use crate::{Outcome, Refusal, decide, permission, refuse};

/// The one stream of the terms, in the platform's log.
pub const TERMS: &str = "terms";

/// Replaces the terms, from the next bill on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetTerms {
    pub terms: BillingTerms,
}

impl Command for SetTerms {
    const NAME: &'static str = "saas.set_terms";
    const ACCESS: Access = Access::permission(permission::PLATFORM_BILLING);
    type Answer = ();
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<Terms>(TERMS).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        on_platform(work)?;
        if let Some(gateway) = self.terms.gateway {
            let account = work.load::<GatewayAccount>(&gateway.to_string()).await?;
            if account.kind().is_none() {
                return refuse(Refusal::Missing { what: "gateway" });
            }
        }
        let command = TermsCommand::Set {
            terms: self.terms.clone(),
            at: work.at(),
        };
        decide::<Terms>(work, TERMS, command).await?;
        Ok(())
    }
}

/// The terms as this work sees them.
pub(super) async fn current(work: &mut Work<'_>) -> Outcome<BillingTerms> {
    Ok(work.load::<Terms>(TERMS).await?.current().clone())
}

/// Tabs and terms are the platform's alone: an operator's log never gets one.
pub(super) fn on_platform(work: &Work<'_>) -> Outcome<()> {
    if work.tenant() == TenantId::PLATFORM {
        Ok(())
    } else {
        refuse(Refusal::Missing { what: "tab" })
    }
}
