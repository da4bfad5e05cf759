//! State and decisions of a service plan.

use serde::{Deserialize, Serialize};

use super::{PlanDefined, PlanRetired, PlanTerms, ServicePlanCommand, ServicePlanError, ServicePlanEvent};
use crate::{Decider, aggregate};

/// The fastest line that is not a typing mistake: 1 Tbit/s in kbit/s.
const MAX_KBPS: i64 = 1_000_000_000;

/// Where a plan stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PlanStatus {
    #[default]
    Absent,
    OnSale(PlanTerms),
    Retired(PlanTerms),
}

/// One service plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServicePlan {
    status: PlanStatus,
}

aggregate!(ServicePlan);

impl ServicePlan {
    pub const fn status(&self) -> &PlanStatus {
        &self.status
    }

    /// The terms of a plan on sale, for a new subscription or a plan change.
    pub const fn on_sale(&self) -> Option<&PlanTerms> {
        match &self.status {
            PlanStatus::OnSale(terms) => Some(terms),
            PlanStatus::Absent | PlanStatus::Retired(_) => None,
        }
    }
}

fn speed(kbps: i64, field: &'static str) -> Result<u32, ServicePlanError> {
    if !(1..=MAX_KBPS).contains(&kbps) {
        return Err(ServicePlanError::SpeedOutOfRange { field });
    }
    u32::try_from(kbps).map_err(|_| ServicePlanError::SpeedOutOfRange { field })
}

impl Decider for ServicePlan {
    const TYPE: &'static str = "catalog.service_plan";
    const STATE_VERSION: i32 = 1;
    type Command = ServicePlanCommand;
    type Event = ServicePlanEvent;
    type Error = ServicePlanError;

    fn decide(&self, command: ServicePlanCommand) -> Result<Vec<ServicePlanEvent>, ServicePlanError> {
        match command {
            ServicePlanCommand::Define {
                plan,
                name,
                download_kbps,
                upload_kbps,
                price,
                profile,
                at,
            } => {
                if name.trim().is_empty() || name.chars().count() > 100 {
                    return Err(ServicePlanError::NameInvalid);
                }
                if !price.is_positive() {
                    return Err(ServicePlanError::PriceNotPositive);
                }
                let download_kbps = speed(download_kbps, "downloadKbps")?;
                let upload_kbps = speed(upload_kbps, "uploadKbps")?;
                let terms = PlanTerms {
                    plan,
                    name,
                    download_kbps,
                    upload_kbps,
                    price,
                    profile,
                };
                match &self.status {
                    PlanStatus::Absent => Ok(vec![ServicePlanEvent::Defined(PlanDefined { terms, at })]),
                    PlanStatus::OnSale(known) | PlanStatus::Retired(known) if *known == terms => {
                        Ok(Vec::new())
                    }
                    PlanStatus::OnSale(_) | PlanStatus::Retired(_) => Err(ServicePlanError::AlreadyDefined),
                }
            }
            ServicePlanCommand::Retire { at } => match &self.status {
                PlanStatus::Absent => Err(ServicePlanError::NotFound),
                PlanStatus::OnSale(terms) => Ok(vec![ServicePlanEvent::Retired(PlanRetired {
                    plan: terms.plan,
                    at,
                })]),
                PlanStatus::Retired(_) => Ok(Vec::new()),
            },
        }
    }

    fn evolve(&mut self, event: &ServicePlanEvent) {
        match event {
            ServicePlanEvent::Defined(defined) => self.status = PlanStatus::OnSale(defined.terms.clone()),
            ServicePlanEvent::Retired(_) => {
                if let PlanStatus::OnSale(terms) = &self.status {
                    self.status = PlanStatus::Retired(terms.clone());
                }
            }
        }
    }
}
