//! What can be asked of a service plan.

use chrono::{DateTime, Utc};

use crate::{Rupiah, ServicePlanId, network::PppProfile};

/// Commands of `catalog.service_plan`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServicePlanCommand {
    Define {
        plan: ServicePlanId,
        name: String,
        /// Kilobits per second towards the customer, as typed: the plan checks the sign.
        download_kbps: i64,
        upload_kbps: i64,
        /// Per month.
        price: Rupiah,
        profile: PppProfile,
        at: DateTime<Utc>,
    },
    /// Ends the sale; who has it keeps it.
    Retire { at: DateTime<Utc> },
}
