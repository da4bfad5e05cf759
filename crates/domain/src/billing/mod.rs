//! Bills and money: invoices, payments, credit, and the attempts to pay through a gateway.
//!
//! Invariants: money received = allocations + credit + refunds + unmatched (Property 65), whatever the order and
//! repetition of notices; an issued invoice never changes, it is paid or voided.
//!
//! Not here: what a gateway's wire format looks like (adapters).

pub mod allocation;
pub mod attempt;
pub mod booking;
pub mod calendar;
pub mod credit_account;
pub mod cycle;
pub mod dunning;
pub mod gateway;
pub mod gateway_account;
pub mod invoice;
pub mod isolir;
pub mod isolir_runs;
pub mod numbering;
pub mod payment;
pub mod polling;
pub mod reference;
pub mod service;
mod tax;

pub use attempt::{Attempt, AttemptCommand, AttemptError, AttemptEvent};
pub use calendar::{DueDay, DueDayError, Period, PeriodError};
pub use credit_account::{CreditAccount, CreditAccountCommand, CreditAccountError, CreditAccountEvent};
pub use gateway_account::{GatewayAccount, GatewayAccountCommand, GatewayAccountError, GatewayAccountEvent};
pub use invoice::{Invoice, InvoiceCommand, InvoiceError, InvoiceEvent};
pub use isolir_runs::{IsolirRuns, IsolirRunsCommand, IsolirRunsError, IsolirRunsEvent};
pub use numbering::{InvoiceNumber, InvoiceNumberPattern};
pub use payment::{Payment, PaymentCommand, PaymentError, PaymentEvent};
pub use reference::MerchantRef;
pub use tax::{Tax, TaxError};
