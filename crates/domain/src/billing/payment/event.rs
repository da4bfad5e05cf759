//! What happened to money received.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AttemptId, CustomerId, GatewayId, InvoiceId, PaymentId, Rupiah, UserId, stored_events};

/// Events of `billing.payment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PaymentEvent {
    #[serde(rename = "billing.payment.received")]
    Received(Box<PaymentReceived>),
    #[serde(rename = "billing.payment.allocated")]
    Allocated(PaymentAllocated),
    #[serde(rename = "billing.payment.credited")]
    Credited(PaymentCredited),
    #[serde(rename = "billing.payment.left_unmatched")]
    LeftUnmatched(PaymentLeftUnmatched),
    #[serde(rename = "billing.payment.matched")]
    Matched(PaymentMatched),
    #[serde(rename = "billing.payment.refunded")]
    Refunded(PaymentRefunded),
    #[serde(rename = "billing.payment.taken_back")]
    TakenBack(Box<PaymentTakenBack>),
}

stored_events!(PaymentEvent {
    Received => "billing.payment.received", "1";
    Allocated => "billing.payment.allocated", "1";
    Credited => "billing.payment.credited", "1";
    LeftUnmatched => "billing.payment.left_unmatched", "1";
    Matched => "billing.payment.matched", "1";
    Refunded => "billing.payment.refunded", "1";
    TakenBack => "billing.payment.taken_back", "1";
});

/// How the money came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PaymentSource {
    /// A gateway confirmed it; the attempt is known unless the order was foreign.
    Gateway {
        gateway: GatewayId,
        attempt: Option<AttemptId>,
    },
    /// A collector or the counter took cash.
    Cash { received_by: UserId },
    /// A transfer, approved by a person.
    Transfer { approved_by: UserId },
}

/// What people should look at. The money is booked all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentFlag {
    /// Another amount than the attempt expected.
    AmountMismatch,
    /// Paid after the attempt had expired, failed or been cancelled.
    Late,
    /// The attempt had been paid already.
    PaidAgain,
    /// More than all open invoices needed.
    Overpaid,
}

/// Money put on one invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Allocation {
    pub invoice: InvoiceId,
    pub amount: Rupiah,
}

/// Why money has no owner yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnmatchedReason {
    /// No order of ours has the reference.
    UnknownOrder,
    /// The order is ours but its customer cannot be told.
    UnknownCustomer,
}

/// Money without an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unmatched {
    pub amount: Rupiah,
    pub reason: UnmatchedReason,
}

/// Money arrived. The events that follow say where every rupiah went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentReceived {
    pub payment: PaymentId,
    pub source: PaymentSource,
    pub customer: Option<CustomerId>,
    pub gross: Rupiah,
    pub payer_fee: Rupiah,
    /// `allocated` + `credited` + `unmatched`.
    pub amount: Rupiah,
    pub allocated: Rupiah,
    pub credited: Rupiah,
    pub unmatched: Rupiah,
    pub provider_ref: String,
    pub paid_at: DateTime<Utc>,
    pub flags: Vec<PaymentFlag>,
    pub at: DateTime<Utc>,
}

/// Part of the money is for an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentAllocated {
    pub payment: PaymentId,
    pub customer: CustomerId,
    pub invoice: InvoiceId,
    pub amount: Rupiah,
    pub at: DateTime<Utc>,
}

/// Part of the money is the customer's credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentCredited {
    pub payment: PaymentId,
    pub customer: CustomerId,
    pub amount: Rupiah,
    pub at: DateTime<Utc>,
}

/// Part of the money waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentLeftUnmatched {
    pub payment: PaymentId,
    pub amount: Rupiah,
    pub reason: UnmatchedReason,
    pub at: DateTime<Utc>,
}

/// Unmatched money found its owner; allocations and credit follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentMatched {
    pub payment: PaymentId,
    pub customer: CustomerId,
    pub amount: Rupiah,
    pub at: DateTime<Utc>,
}

/// From which part money is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundedFrom {
    Unmatched,
    /// The credit account is debited in the same unit of work.
    Credit,
}

/// Money was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRefunded {
    pub payment: PaymentId,
    pub from: RefundedFrom,
    pub amount: Rupiah,
    /// All refunds of this payment so far.
    pub refunded: Rupiah,
    pub reference: String,
    pub at: DateTime<Utc>,
}

/// Who took money back that had been confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TakenBackReason {
    /// The gateway gave it back to the payer.
    Refund,
    /// The payer's bank took it back.
    ChargeBack,
    /// The gateway took its confirmation back within its window.
    Reversal,
}

/// Money that had been confirmed is gone again. It leaves what waits for a person first, then credit, then the bills in the
/// reverse order of their payment; bills and credit account say the same in the same unit of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentTakenBack {
    pub payment: PaymentId,
    pub customer: Option<CustomerId>,
    pub reason: TakenBackReason,
    /// `allocations` + `credit` + `unmatched`.
    pub amount: Rupiah,
    pub allocations: Vec<Allocation>,
    pub credit: Rupiah,
    pub unmatched: Rupiah,
    /// All refunds of this payment so far, this one included.
    pub refunded: Rupiah,
    pub at: DateTime<Utc>,
}
