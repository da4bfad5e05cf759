//! What happened to a tab.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    InvoiceId, Rupiah, TenantId,
    billing::{Period, invoice::InvoiceLine},
    customers::CustomerCode,
    saas::pricing::{BilledItem, Charge, Item},
    stored_events,
};

/// Events of `saas.tab`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TabEvent {
    #[serde(rename = "saas.tab.opened")]
    Opened(TabOpened),
    #[serde(rename = "saas.tab.charge_started")]
    ChargeStarted(ChargeStarted),
    #[serde(rename = "saas.tab.charge_ended")]
    ChargeEnded(ChargeEnded),
    #[serde(rename = "saas.tab.period_billed")]
    PeriodBilled(Box<PeriodBilled>),
    #[serde(rename = "saas.tab.arrears_noted")]
    FellIntoArrears(ArrearsNoted),
    #[serde(rename = "saas.tab.arrears_cleared")]
    ClearedOfArrears(ArrearsCleared),
    #[serde(rename = "saas.tab.suspended")]
    Suspended(TabSuspended),
    #[serde(rename = "saas.tab.resumed")]
    Resumed(TabResumed),
    #[serde(rename = "saas.tab.closed")]
    Closed(TabClosed),
}

stored_events!(TabEvent {
    Opened => "saas.tab.opened", "1";
    ChargeStarted => "saas.tab.charge_started", "1";
    ChargeEnded => "saas.tab.charge_ended", "1";
    PeriodBilled => "saas.tab.period_billed", "1";
    FellIntoArrears => "saas.tab.arrears_noted", "1";
    ClearedOfArrears => "saas.tab.arrears_cleared", "1";
    Suspended => "saas.tab.suspended", "1";
    Resumed => "saas.tab.resumed", "1";
    Closed => "saas.tab.closed", "1";
});

/// An operator is billed from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TabOpened {
    pub account: TenantId,
    pub code: CustomerCode,
    pub name: String,
    pub opened_on: NaiveDate,
    /// First day of the first period that is billed in advance; the days before it come with the first bill.
    pub next_on: NaiveDate,
    pub at: DateTime<Utc>,
}

/// An item costs this from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChargeStarted {
    pub account: TenantId,
    pub charge: Charge,
    pub at: DateTime<Utc>,
}

/// An item costs nothing from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChargeEnded {
    pub account: TenantId,
    pub item: Item,
    pub until: NaiveDate,
    pub at: DateTime<Utc>,
}

/// A period was billed; without lines there was nothing to bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeriodBilled {
    pub account: TenantId,
    pub period: Period,
    /// The bill, issued in the same unit of work.
    pub invoice: Option<InvoiceId>,
    pub lines: Vec<InvoiceLine>,
    /// What each item was asked for the period.
    pub billed: Vec<BilledItem>,
    /// What remains to be given back with the next bill.
    pub carried: Rupiah,
    /// When the next period is billed; none after the last bill of a suspended or closed tab.
    pub next_on: Option<NaiveDate>,
    pub at: DateTime<Utc>,
}

/// A bill is unpaid after its grace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArrearsNoted {
    pub account: TenantId,
    pub invoice: InvoiceId,
    /// There was no other one.
    pub is_first: bool,
    pub at: DateTime<Utc>,
}

/// A bill that had been noted is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArrearsCleared {
    pub account: TenantId,
    pub invoice: InvoiceId,
    /// No other one is left.
    pub was_last: bool,
    pub at: DateTime<Utc>,
}

/// The operator's deletion is ordered; nothing is charged from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TabSuspended {
    pub account: TenantId,
    pub from: NaiveDate,
    pub at: DateTime<Utc>,
}

/// The operator is restored; what it had is charged again from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TabResumed {
    pub account: TenantId,
    pub from: NaiveDate,
    /// When the next period is billed.
    pub next_on: NaiveDate,
    pub at: DateTime<Utc>,
}

/// The operator left; no charge runs any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TabClosed {
    pub account: TenantId,
    pub until: NaiveDate,
    pub at: DateTime<Utc>,
}
