//! One bill: issued once with its lines, then paid, overdue or void. It never changes otherwise.

mod aggregate;
mod billed;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Invoice, InvoiceStatus};
pub use billed::Billed;
pub use command::{InvoiceCommand, IssueInvoice};
pub use error::InvoiceError;
pub use event::{
    InvoiceCreditApplied, InvoiceEvent, InvoiceFellOverdue, InvoiceIssued, InvoiceLine, InvoicePaid,
    InvoicePaymentApplied, InvoiceReminded, InvoiceSnapshot, InvoiceVoided, LineKind,
};
