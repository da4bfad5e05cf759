//! One service plan: speeds and a price.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{PlanStatus, ServicePlan};
pub use command::ServicePlanCommand;
pub use error::ServicePlanError;
pub use event::{PlanDefined, PlanRetired, PlanTerms, ServicePlanEvent};
