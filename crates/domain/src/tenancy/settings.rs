//! What an operator can set, with the defaults of SPEC section 20.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Rupiah,
    billing::{DueDay, InvoiceNumberPattern},
    network::PppProfile,
    time::Zone,
};

/// How service is restricted for unpaid bills (`facts/domain.md` 5.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IsolirStrategy {
    /// Switch the PPP secret to the isolir profile and end the session: the customer lands on the pay page.
    #[default]
    PppProfileSwitch,
    /// Put the current address on the router's isolir list.
    AddressList,
    /// Answer the next authentication with isolir attributes.
    RadiusAttributes,
    /// Push isolir attributes to the running session.
    RadiusCoa,
    /// Refuse authentication.
    RadiusReject,
    /// Disable the PPP secret and end the session.
    DisableSecret,
}

/// Language of messages and documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    Id,
    En,
}

/// An operator's settings. Every value has a default, so a tenant works from the first minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantSettings {
    pub zone: Zone,
    pub language: Language,
    /// Due day of new subscriptions.
    pub due_day: DueDay,
    /// Days before the due date on which an invoice is issued.
    pub issue_days_ahead: u8,
    /// Whole days after the due date during which nobody is isolated.
    pub grace_days: u8,
    pub isolir_strategy: IsolirStrategy,
    /// Name of the PPP profile that leads to the pay page.
    pub isolir_profile: PppProfile,
    /// Amounts that are calculated (prorations) are rounded up to a multiple of this.
    pub rounding_unit: Rupiah,
    pub invoice_number_pattern: InvoiceNumberPattern,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            zone: Zone::default(),
            language: Language::default(),
            due_day: DueDay::default(),
            issue_days_ahead: 7,
            grace_days: 5,
            isolir_strategy: IsolirStrategy::default(),
            isolir_profile: PppProfile::isolir(),
            rounding_unit: Rupiah::ONE,
            invoice_number_pattern: InvoiceNumberPattern::default(),
        }
    }
}
