//! What can be asked of a payment.

use chrono::{DateTime, Utc};

use super::{Allocation, PaymentFlag, PaymentSource, RefundedFrom, TakenBackReason, Unmatched};
use crate::{CustomerId, PaymentId, Rupiah};

/// Commands of `billing.payment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentCommand {
    Receive(Box<ReceivePayment>),
    MatchToCustomer(MatchPayment),
    Refund {
        from: RefundedFrom,
        amount: Rupiah,
        reference: String,
        at: DateTime<Utc>,
    },
    /// The money is gone again, whatever it was used for. The same again is nothing.
    TakeBack {
        reason: TakenBackReason,
        /// The sum taken back by now; everything where nobody says how much.
        up_to: Option<Rupiah>,
        at: DateTime<Utc>,
    },
}

/// Money arrived, with the plan of where it goes (see [`crate::billing::allocation::plan`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivePayment {
    pub payment: PaymentId,
    pub source: PaymentSource,
    pub customer: Option<CustomerId>,
    /// What the payer paid.
    pub gross: Rupiah,
    /// The part of it that is the gateway's fee.
    pub payer_fee: Rupiah,
    /// What there is to distribute: `gross` - `payer_fee`.
    pub amount: Rupiah,
    pub provider_ref: String,
    pub paid_at: DateTime<Utc>,
    pub allocations: Vec<Allocation>,
    pub credit: Rupiah,
    pub unmatched: Option<Unmatched>,
    pub flags: Vec<PaymentFlag>,
    pub at: DateTime<Utc>,
}

/// A person, or a rule, says whose unmatched money it is: all of it, distributed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchPayment {
    pub customer: CustomerId,
    pub allocations: Vec<Allocation>,
    pub credit: Rupiah,
    pub at: DateTime<Utc>,
}
