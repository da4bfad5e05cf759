//! How a tenant wants its users to sign in.

use serde::{Deserialize, Serialize};
use simpul_domain::identity::{SignInRules, SignInRulesCommand, SignInTerms};
use simpul_event_store::{
    Access, Command, EventStore, StoreError, Work,
    inline::{Inline, identity::Change},
};

use crate::{Outcome, Refusal, decide, permission};

/// The rules as this work sees them.
pub(super) async fn terms(work: &mut Work<'_>) -> Outcome<SignInTerms> {
    let id = work.tenant().to_string();
    Ok(work.load::<SignInRules>(&id).await?.terms())
}

/// The rules now, and which version of them.
pub async fn sign_in_terms(
    store: &EventStore,
    tenant: simpul_domain::TenantId,
) -> Result<(SignInTerms, i64), StoreError> {
    let (rules, version) = store.load::<SignInRules>(tenant, &tenant.to_string()).await?;
    Ok((rules.terms(), version))
}

/// Replaces the rules. Sessions that go on end no later than the new ones say.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeSignInRules {
    pub terms: SignInTerms,
}

impl Command for ChangeSignInRules {
    const NAME: &'static str = "sign_in_rules.change";
    const ACCESS: Access = Access::permission(permission::TENANT_SETTINGS);
    type Answer = ();
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        let id = work.tenant().to_string();
        work.version_read::<SignInRules>(&id).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let id = work.tenant().to_string();
        let command = SignInRulesCommand::Change {
            terms: self.terms,
            at: work.at(),
        };
        if !decide::<SignInRules>(work, &id, command).await?.is_empty() {
            work.inline(Inline::Identity(Change::ShortenSessions {
                days: self.terms.session_days,
            }));
        }
        Ok(())
    }
}
