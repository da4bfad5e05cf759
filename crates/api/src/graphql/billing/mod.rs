//! Bills, money, and attempts to pay through a gateway.

mod gateways;
mod invoice;
mod invoices;
mod isolir;
mod payments;
mod revenue;
mod start;

pub(crate) use self::{
    gateways::{Gateway, GatewayKind, GatewayMode, GatewaysMutation},
    invoice::{Invoice, InvoiceLine, InvoiceStatus},
    invoices::{InvoicesMutation, InvoicesQuery},
    isolir::{IsolirMutation, IsolirQuery},
    payments::{Payment, PaymentFlag, PaymentsQuery},
    revenue::RevenueQuery,
    start::{PaymentAttempt, PaymentAttemptStatus, PaymentsMutation},
};
pub(super) use start::outcome;
