//! What a tenant sells. Plans do not know routers; a plan in use is retired, never deleted.

pub mod service_plan;

pub use service_plan::{PlanTerms, ServicePlan, ServicePlanCommand, ServicePlanError, ServicePlanEvent};
