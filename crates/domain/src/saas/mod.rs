//! What the platform bills its operators, and what follows when they do not pay.
//!
//! The platform's log holds a [`Tab`] per operator: what it is charged for, day by day. On the billing day the tab
//! yields the lines of one invoice; the invoice, the money and the reminders are those of [`crate::billing`], running in
//! the platform's log with the platform's gateway accounts. The operator's own log holds a [`Statement`] per bill: what
//! its staff see, and where its request to pay is written down.
//!
//! Invariants: one bill per operator and period; every day of a charge is billed once, whatever changes in the middle of
//! a period (Property 76); an unpaid bill locks the panel and nothing else.
//!
//! Not here: plans, add-ons and their prices (tenancy), invoices and money (billing).

pub mod arrears;
pub mod ladder;
pub mod meter;
pub mod news;
pub mod pricing;
pub mod statement;
pub mod tab;
pub mod terms;

pub use pricing::{Charge, Item, ItemError};
pub use statement::{Statement, StatementCommand, StatementError, StatementEvent};
pub use tab::{Tab, TabCommand, TabError, TabEvent};
pub use terms::{Terms, TermsCommand, TermsError, TermsEvent};

pub use crate::billing::{Tax, TaxError};
use crate::{CustomerId, InvoiceId, TenantId, billing::Period};

/// The id of the one bill of an operator for a period: issuing it twice is a conflict.
pub fn bill_id(account: TenantId, period: Period) -> InvoiceId {
    InvoiceId::derive(account.as_uuid(), &format!("saas/{}", period.from()))
}

/// The operator as the platform's customer: whose credit it is, and to whom messages go.
pub fn payer_id(account: TenantId) -> CustomerId {
    CustomerId::derive(account.as_uuid(), "saas/payer")
}
