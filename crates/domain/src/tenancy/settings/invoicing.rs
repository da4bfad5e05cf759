//! When and how customers are billed. The due day is read when a line is opened, the days ahead when its cycle begins and
//! with each turn of it, the rest when a bill is issued. The anchor is kept for prepaid renewals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InvalidSetting, keep};
use crate::{
    Rupiah,
    billing::{DueDay, InvoiceNumberPattern, service::FirstPeriod},
    within::Within,
};

/// From when a prepaid service runs that is paid after its end (`facts/domain.md` 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrepaidAnchor {
    /// From the payment, so that nobody pays for days without service.
    #[default]
    Payment,
    /// From the old end, so that nobody gains days by paying late.
    Expiry,
}

/// When and how customers are billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invoicing {
    /// Due day of new subscriptions.
    pub due_day: DueDay,
    /// Days before the due date on which an invoice is issued.
    pub issue_days_ahead: Within<0, 60>,
    pub first_period: FirstPeriod,
    /// Amounts that are calculated (prorations) are rounded up to a multiple of this.
    pub rounding_unit: Rupiah,
    pub number_pattern: InvoiceNumberPattern,
    pub prepaid_anchor: PrepaidAnchor,
    /// Whether days are billed on which a line was isolated from morning to night.
    pub bill_while_isolated: bool,
}

impl Default for Invoicing {
    fn default() -> Self {
        Self {
            due_day: DueDay::default(),
            issue_days_ahead: Within::of::<7>(),
            first_period: FirstPeriod::default(),
            rounding_unit: Rupiah::ONE,
            number_pattern: InvoiceNumberPattern::default(),
            prepaid_anchor: PrepaidAnchor::default(),
            bill_while_isolated: true,
        }
    }
}

impl Invoicing {
    pub(super) const fn check(&self) -> Result<(), InvalidSetting> {
        keep(self.rounding_unit.is_positive(), "roundingUnit", "positive")
    }
}
