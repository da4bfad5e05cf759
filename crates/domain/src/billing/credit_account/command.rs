//! What can be asked of a credit account.

use chrono::{DateTime, Utc};

use super::CreditUse;
use crate::{CustomerId, PaymentId, Rupiah};

/// Commands of `billing.credit_account`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreditAccountCommand {
    AddCredit {
        customer: CustomerId,
        payment: PaymentId,
        amount: Rupiah,
        at: DateTime<Utc>,
    },
    UseCredit {
        customer: CustomerId,
        for_what: CreditUse,
        amount: Rupiah,
        at: DateTime<Utc>,
    },
    /// Takes back credit that a payment had given, in the unit of work that takes the payment back. What is not there any
    /// more comes back from the bills that it paid, the last one first.
    TakeBackCredit {
        customer: CustomerId,
        payment: PaymentId,
        amount: Rupiah,
        at: DateTime<Utc>,
    },
}
