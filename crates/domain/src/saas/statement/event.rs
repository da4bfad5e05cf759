//! What happened to a statement.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    InvoiceId, Rupiah,
    billing::{InvoiceNumber, Period, invoice::InvoiceLine},
    stored_events,
    time::Zone,
};

/// Events of `saas.statement`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StatementEvent {
    #[serde(rename = "saas.statement.presented")]
    Presented(Box<StatementPresented>),
    #[serde(rename = "saas.statement.payment_requested")]
    PaymentRequested(StatementPaymentRequested),
    #[serde(rename = "saas.statement.part_paid")]
    PartPaid(StatementPartPaid),
    #[serde(rename = "saas.statement.fell_overdue")]
    FellOverdue(StatementFellOverdue),
    #[serde(rename = "saas.statement.settled")]
    Settled(StatementSettled),
    #[serde(rename = "saas.statement.withdrawn")]
    Withdrawn(StatementWithdrawn),
    #[serde(rename = "saas.statement.taken_back")]
    TakenBack(StatementTakenBack),
}

stored_events!(StatementEvent {
    Presented => "saas.statement.presented", "1";
    PaymentRequested => "saas.statement.payment_requested", "1";
    PartPaid => "saas.statement.part_paid", "1";
    FellOverdue => "saas.statement.fell_overdue", "1";
    Settled => "saas.statement.settled", "1";
    Withdrawn => "saas.statement.withdrawn", "1";
    TakenBack => "saas.statement.taken_back", "1";
});

/// The platform asks for money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementPresented {
    pub invoice: InvoiceId,
    pub number: InvoiceNumber,
    pub period: Period,
    pub lines: Vec<InvoiceLine>,
    pub total: Rupiah,
    /// Business date in `zone`.
    pub due_on: NaiveDate,
    pub zone: Zone,
    pub issued_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}

/// Somebody of the operator wants to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementPaymentRequested {
    pub invoice: InvoiceId,
    pub channel: String,
    pub at: DateTime<Utc>,
}

/// Money or credit arrived at the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementPartPaid {
    pub invoice: InvoiceId,
    pub outstanding: Rupiah,
    pub at: DateTime<Utc>,
}

/// The due date has passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementFellOverdue {
    pub invoice: InvoiceId,
    pub at: DateTime<Utc>,
}

/// Nothing is asked for any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementSettled {
    pub invoice: InvoiceId,
    pub at: DateTime<Utc>,
}

/// The platform withdrew the bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementWithdrawn {
    pub invoice: InvoiceId,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// Money that had been put on the bill is gone again: it asks for more, also if it had been settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementTakenBack {
    pub invoice: InvoiceId,
    pub outstanding: Rupiah,
    pub at: DateTime<Utc>,
}
