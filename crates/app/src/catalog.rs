//! The catalogue: service plans.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    Rupiah, ServicePlanId,
    catalog::{ServicePlan, ServicePlanCommand},
    network::PppProfile,
};
use simpul_event_store::{Access, Command, Work};

use crate::{Outcome, Refusal, decide, permission};

/// Puts a plan on sale.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DefinePlan {
    pub name: String,
    pub download_kbps: i64,
    pub upload_kbps: i64,
    /// Per month.
    pub price: Rupiah,
    pub profile: PppProfile,
}

impl Command for DefinePlan {
    const NAME: &'static str = "service_plan.define";
    const ACCESS: Access = Access::permission(permission::CATALOG_WRITE);
    type Answer = ServicePlanId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<ServicePlanId> {
        let plan = ServicePlanId::new(work.new_uuid());
        let id = plan.to_string();
        work.begin::<ServicePlan>(&id);
        let command = ServicePlanCommand::Define {
            plan,
            name: self.name.clone(),
            download_kbps: self.download_kbps,
            upload_kbps: self.upload_kbps,
            price: self.price,
            profile: self.profile.clone(),
            at: work.at(),
        };
        decide::<ServicePlan>(work, &id, command).await?;
        Ok(plan)
    }
}
