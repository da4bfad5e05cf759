//! Bills and money: invoices, attempts at gateways, and the booking of what was received.

mod attempts;
mod credentials;
mod gateways;
mod invoices;
pub(crate) mod issuing;
mod money;
mod taken_back;
mod transfers;

pub use attempts::{
    CHECKOUT_TIMER, OpenCheckout, OpenOwnCheckout, POLL_TIMER, PlannedCharge, RecordCheckout,
    RecordCreateFailed,
};
pub use credentials::{GatewayCredentials, gateway_account, gateway_credentials, hook_path};
pub use gateways::{ConnectGateway, secret as gateway_secret};
pub(crate) use invoices::void;
pub use invoices::{IssueInvoice, MarkOverdue, RemindOfInvoice, VoidInvoice};
pub use money::{BookObservation, Booked};
pub(crate) use transfers::{Transfer, receive_transfer};

/// Scope of the set of invoices that ask for money, by customer, ordered by due date.
pub(crate) const OPEN_INVOICES: &str = "invoices.open";
/// Scope of the claim that leads from a gateway's order reference to its attempt.
pub(crate) const ORDER_REF: &str = "attempt.order_ref";
