//! What happened to a customer's credit.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CustomerId, InvoiceId, PaymentId, Rupiah, stored_events};

/// Events of `billing.credit_account`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CreditAccountEvent {
    #[serde(rename = "billing.credit_account.credit_added")]
    CreditAdded(CreditAdded),
    #[serde(rename = "billing.credit_account.credit_used")]
    CreditUsed(CreditUsed),
    #[serde(rename = "billing.credit_account.credit_returned")]
    CreditReturned(CreditReturned),
    #[serde(rename = "billing.credit_account.credit_taken_back")]
    CreditTakenBack(CreditTakenBack),
}

stored_events!(CreditAccountEvent {
    CreditAdded => "billing.credit_account.credit_added", "1";
    CreditUsed => "billing.credit_account.credit_used", "1";
    CreditReturned => "billing.credit_account.credit_returned", "1";
    CreditTakenBack => "billing.credit_account.credit_taken_back", "1";
});

/// What credit is used for. The same use happens once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CreditUse {
    /// Pays an invoice.
    Invoice { invoice: InvoiceId },
    /// Gives the money of a payment back.
    Refund { payment: PaymentId, reference: String },
}

/// Credit grew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreditAdded {
    pub customer: CustomerId,
    pub payment: PaymentId,
    pub amount: Rupiah,
    pub balance: Rupiah,
    pub at: DateTime<Utc>,
}

/// Credit was spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreditUsed {
    pub customer: CustomerId,
    pub for_what: CreditUse,
    pub amount: Rupiah,
    pub balance: Rupiah,
    pub at: DateTime<Utc>,
}

/// Credit came back from a bill that it had paid, because the money behind it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreditReturned {
    pub customer: CustomerId,
    pub invoice: InvoiceId,
    pub amount: Rupiah,
    pub balance: Rupiah,
    pub at: DateTime<Utc>,
}

/// The money behind credit is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreditTakenBack {
    pub customer: CustomerId,
    /// The payment that had given it.
    pub payment: PaymentId,
    pub amount: Rupiah,
    pub balance: Rupiah,
    pub at: DateTime<Utc>,
}
