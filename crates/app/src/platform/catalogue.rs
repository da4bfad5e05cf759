//! What the platform offers.

use serde::{Deserialize, Serialize};
use simpul_domain::platform::{
    AddOn, AddOnCommand, AddOnKey, AddOnTerms, Plan, PlanCommand, PlanKey, PlanTerms,
};
use simpul_event_store::{Access, Command, StoreError, Work};

use crate::{Outcome, Refusal, decide, permission};

/// Offers a plan on these terms from now on. Accounts keep theirs until they take it again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DefinePlatformPlan {
    pub terms: PlanTerms,
}

impl Command for DefinePlatformPlan {
    const NAME: &'static str = "platform_plan.define";
    const ACCESS: Access = Access::permission(permission::PLATFORM_PLANS);
    type Answer = PlanKey;
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<Plan>(self.terms.key.as_str()).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<PlanKey> {
        let command = PlanCommand::Define {
            terms: Box::new(self.terms.clone()),
            at: work.at(),
        };
        decide::<Plan>(work, self.terms.key.as_str(), command).await?;
        Ok(self.terms.key.clone())
    }
}

/// Offers a plan no more. Accounts on it keep it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RetirePlatformPlan {
    pub key: PlanKey,
}

impl Command for RetirePlatformPlan {
    const NAME: &'static str = "platform_plan.retire";
    const ACCESS: Access = Access::permission(permission::PLATFORM_PLANS);
    type Answer = PlanKey;
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<Plan>(self.key.as_str()).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<PlanKey> {
        let at = work.at();
        decide::<Plan>(work, self.key.as_str(), PlanCommand::Retire { at }).await?;
        Ok(self.key.clone())
    }
}

/// Offers a plan again that was retired, on the terms that it had.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OfferPlatformPlan {
    pub key: PlanKey,
}

impl Command for OfferPlatformPlan {
    const NAME: &'static str = "platform_plan.offer";
    const ACCESS: Access = Access::permission(permission::PLATFORM_PLANS);
    type Answer = PlanKey;
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<Plan>(self.key.as_str()).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<PlanKey> {
        let at = work.at();
        decide::<Plan>(work, self.key.as_str(), PlanCommand::Offer { at }).await?;
        Ok(self.key.clone())
    }
}

/// Offers an add-on on these terms from now on. Who holds it keeps the terms that he took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DefineAddOn {
    pub terms: AddOnTerms,
}

impl Command for DefineAddOn {
    const NAME: &'static str = "add_on.define";
    const ACCESS: Access = Access::permission(permission::PLATFORM_PLANS);
    type Answer = AddOnKey;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<AddOnKey> {
        let command = AddOnCommand::Define {
            terms: Box::new(self.terms.clone()),
            at: work.at(),
        };
        decide::<AddOn>(work, self.terms.key.as_str(), command).await?;
        Ok(self.terms.key.clone())
    }
}

/// Offers an add-on no more. Who holds it keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RetireAddOn {
    pub key: AddOnKey,
}

impl Command for RetireAddOn {
    const NAME: &'static str = "add_on.retire";
    const ACCESS: Access = Access::permission(permission::PLATFORM_PLANS);
    type Answer = AddOnKey;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<AddOnKey> {
        let at = work.at();
        decide::<AddOn>(work, self.key.as_str(), AddOnCommand::Retire { at }).await?;
        Ok(self.key.clone())
    }
}
