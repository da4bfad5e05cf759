//! What happened to an invoice.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Billed;
use crate::{
    CustomerId, InvoiceId, PaymentId, Rupiah, ServicePlanId,
    billing::{InvoiceNumber, Period, gateway::Currency},
    customers::CustomerCode,
    stored_events,
    time::Zone,
};

/// Events of `billing.invoice`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InvoiceEvent {
    #[serde(rename = "billing.invoice.issued")]
    Issued(Box<InvoiceIssued>),
    #[serde(rename = "billing.invoice.reminded")]
    Reminded(InvoiceReminded),
    #[serde(rename = "billing.invoice.fell_overdue")]
    FellOverdue(InvoiceFellOverdue),
    #[serde(rename = "billing.invoice.payment_applied")]
    PaymentApplied(InvoicePaymentApplied),
    #[serde(rename = "billing.invoice.credit_applied")]
    CreditApplied(InvoiceCreditApplied),
    #[serde(rename = "billing.invoice.paid")]
    Paid(InvoicePaid),
    #[serde(rename = "billing.invoice.voided")]
    Voided(InvoiceVoided),
    #[serde(rename = "billing.invoice.payment_taken_back")]
    PaymentTakenBack(InvoicePaymentTakenBack),
    #[serde(rename = "billing.invoice.credit_taken_back")]
    CreditTakenBack(InvoiceCreditTakenBack),
    #[serde(rename = "billing.invoice.reopened")]
    Reopened(InvoiceReopened),
    #[serde(rename = "billing.invoice.late_fee_charged")]
    LateFeeCharged(LateFeeCharged),
    #[serde(rename = "billing.invoice.late_fee_billed")]
    LateFeeBilled(LateFeeBilled),
    #[serde(rename = "billing.invoice.late_fee_returned")]
    LateFeeReturned(LateFeeReturned),
    #[serde(rename = "billing.invoice.late_fee_waived")]
    LateFeeWaived(LateFeeWaived),
}

stored_events!(InvoiceEvent {
    Issued => "billing.invoice.issued", "1";
    Reminded => "billing.invoice.reminded", "1";
    FellOverdue => "billing.invoice.fell_overdue", "1";
    PaymentApplied => "billing.invoice.payment_applied", "1";
    CreditApplied => "billing.invoice.credit_applied", "1";
    Paid => "billing.invoice.paid", "1";
    Voided => "billing.invoice.voided", "1";
    PaymentTakenBack => "billing.invoice.payment_taken_back", "1";
    CreditTakenBack => "billing.invoice.credit_taken_back", "1";
    Reopened => "billing.invoice.reopened", "1";
    LateFeeCharged => "billing.invoice.late_fee_charged", "1";
    LateFeeBilled => "billing.invoice.late_fee_billed", "1";
    LateFeeReturned => "billing.invoice.late_fee_returned", "1";
    LateFeeWaived => "billing.invoice.late_fee_waived", "1";
});

/// What a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    Plan,
    Proration,
    AddOn,
    LateFee,
    Tax,
    /// What an earlier bill gave back and this one could not use up: it comes off the next one.
    CarriedForward,
    /// The few rupiah by which a transfer is recognised.
    UniqueCode,
    /// Reduces the total.
    Discount,
    /// Gives back what was not used. Reduces the total.
    Credit,
}

impl LineKind {
    pub const fn reduces(self) -> bool {
        match self {
            Self::Discount | Self::Credit => true,
            Self::Plan
            | Self::Proration
            | Self::AddOn
            | Self::LateFee
            | Self::Tax
            | Self::CarriedForward
            | Self::UniqueCode => false,
        }
    }
}

/// One line: positive for a charge, negative for a reduction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceLine {
    pub kind: LineKind,
    pub description: String,
    pub amount: Rupiah,
}

/// What the bill says about both sides at the time of issue. The customer's name stays with the customer,
/// sealed, so that erasing the subject leaves no copy here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceSnapshot {
    pub seller_name: String,
    pub customer_code: CustomerCode,
    /// Name of the operator whose account is billed; no personal value.
    pub account_name: Option<String>,
    /// Of the catalogue; none for an account, whose plan is the platform's.
    pub plan: Option<ServicePlanId>,
    pub plan_name: String,
}

/// A bill went out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceIssued {
    pub invoice: InvoiceId,
    pub number: InvoiceNumber,
    pub customer: CustomerId,
    pub billed: Billed,
    pub period: Period,
    pub lines: Vec<InvoiceLine>,
    /// Sum of the lines, zero or more.
    pub total: Rupiah,
    pub currency: Currency,
    /// Business date in `zone`.
    pub due_on: NaiveDate,
    pub zone: Zone,
    pub snapshot: InvoiceSnapshot,
    pub at: DateTime<Utc>,
}

/// It was time to remind the payer, once per stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceReminded {
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub billed: Billed,
    /// Days after the due date; negative before it.
    pub stage: i8,
    pub due_on: NaiveDate,
    pub outstanding: Rupiah,
    pub at: DateTime<Utc>,
}

/// The local date passed the due date with something outstanding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceFellOverdue {
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub billed: Billed,
    pub due_on: NaiveDate,
    pub zone: Zone,
    /// The local date of the decision.
    pub today: NaiveDate,
    pub outstanding: Rupiah,
    pub at: DateTime<Utc>,
}

/// Money was put on the bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoicePaymentApplied {
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub billed: Billed,
    pub payment: PaymentId,
    pub amount: Rupiah,
    /// What remains to be paid.
    pub outstanding: Rupiah,
    pub at: DateTime<Utc>,
}

/// The customer's credit was put on the bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceCreditApplied {
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub billed: Billed,
    pub amount: Rupiah,
    /// What remains to be paid.
    pub outstanding: Rupiah,
    pub at: DateTime<Utc>,
}

/// Nothing is outstanding any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoicePaid {
    pub invoice: InvoiceId,
    pub number: InvoiceNumber,
    pub customer: CustomerId,
    pub billed: Billed,
    pub total: Rupiah,
    /// The payment that completed it; none when the total was zero or credit covered it.
    pub payment: Option<PaymentId>,
    /// It had been overdue.
    pub was_overdue: bool,
    pub at: DateTime<Utc>,
}

/// The bill is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceVoided {
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub billed: Billed,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// Money that had been put on the bill is gone again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoicePaymentTakenBack {
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub billed: Billed,
    pub payment: PaymentId,
    pub amount: Rupiah,
    /// What remains to be paid.
    pub outstanding: Rupiah,
    pub at: DateTime<Utc>,
}

/// Credit that had been put on the bill is gone again, because the money behind it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceCreditTakenBack {
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub billed: Billed,
    pub amount: Rupiah,
    /// What remains to be paid.
    pub outstanding: Rupiah,
    pub at: DateTime<Utc>,
}

/// A paid bill asks for money again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceReopened {
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub billed: Billed,
    /// Business date in `zone`.
    pub due_on: NaiveDate,
    pub zone: Zone,
    pub outstanding: Rupiah,
    pub at: DateTime<Utc>,
}

/// The bill was unpaid after its grace, and a fee is asked for that (U070). What the bill itself asks for stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LateFeeCharged {
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub billed: Billed,
    pub amount: Rupiah,
    /// Of the bill, when the fee was reckoned.
    pub outstanding: Rupiah,
    pub at: DateTime<Utc>,
}

/// The fee for this bill's lateness is a line of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LateFeeBilled {
    pub invoice: InvoiceId,
    pub on: InvoiceId,
    pub amount: Rupiah,
    pub at: DateTime<Utc>,
}

/// The bill on which the fee stood was withdrawn, and it waits for the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LateFeeReturned {
    pub invoice: InvoiceId,
    pub from: InvoiceId,
    pub amount: Rupiah,
    pub at: DateTime<Utc>,
}

/// The fee is not asked for (U071).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LateFeeWaived {
    pub invoice: InvoiceId,
    pub amount: Rupiah,
    pub reason: String,
    pub at: DateTime<Utc>,
}
