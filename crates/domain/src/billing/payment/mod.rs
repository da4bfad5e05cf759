//! Money received, whatever its source, and where each rupiah of it went.

mod aggregate;
mod command;
mod error;
mod event;
mod id;
#[cfg(test)]
mod tests;

pub use aggregate::{Payment, PaymentStatus};
pub use command::{MatchPayment, PaymentCommand, ReceivePayment};
pub use error::PaymentError;
pub use event::{
    Allocation, PaymentAllocated, PaymentCredited, PaymentEvent, PaymentFlag, PaymentLeftUnmatched,
    PaymentMatched, PaymentReceived, PaymentRefunded, PaymentSource, PaymentTakenBack, RefundedFrom,
    TakenBackReason, Unmatched, UnmatchedReason,
};
pub use id::{gateway_payment_id, transfer_payment_id};
