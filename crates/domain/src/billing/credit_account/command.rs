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
}
