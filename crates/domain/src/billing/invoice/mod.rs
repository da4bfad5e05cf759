//! One bill: issued once with its lines, then paid, overdue or void. It never changes otherwise; when money that paid it
//! is taken back, it asks for money again.

mod aggregate;
mod billed;
mod command;
mod error;
mod event;
mod late_fee;
mod taken_back;
#[cfg(test)]
mod tests;

pub use aggregate::{Invoice, InvoiceStatus};
pub use billed::Billed;
pub use command::{InvoiceCommand, IssueInvoice};
pub use error::InvoiceError;
pub use event::{
    InvoiceCreditApplied, InvoiceCreditTakenBack, InvoiceEvent, InvoiceFellOverdue, InvoiceIssued,
    InvoiceLine, InvoicePaid, InvoicePaymentApplied, InvoicePaymentTakenBack, InvoiceReminded,
    InvoiceReopened, InvoiceSnapshot, InvoiceVoided, LateFeeBilled, LateFeeCharged, LateFeeReturned,
    LateFeeWaived, LineKind,
};
pub use late_fee::LateFee;
