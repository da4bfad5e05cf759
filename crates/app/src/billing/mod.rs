//! Bills and money: invoices, attempts at gateways, and the booking of what was received.

mod attempts;
mod credentials;
mod cycle;
mod gateways;
mod invoices;
pub mod isolir_runs;
pub(crate) mod issuing;
mod late_fees;
mod lines;
mod money;
mod open_set;
mod taken_back;
mod transfers;

pub use attempts::{
    CHECKOUT_TIMER, OpenCheckout, OpenOwnCheckout, POLL_TIMER, PlannedCharge, RecordCheckout,
    RecordCreateFailed,
};
pub use credentials::{GatewayCredentials, gateway_account, gateway_credentials, hook_path};
pub use cycle::{BillLine, BillLines};
pub use gateways::{ConnectGateway, secret as gateway_secret};
pub(crate) use invoices::void;
pub use invoices::{MarkOverdue, RemindOfInvoice, VoidInvoice};
pub use late_fees::{ChargeLateFee, WaiveLateFee};
pub use lines::IssueInvoice;
pub use money::{BookObservation, Booked};
pub(crate) use transfers::{Transfer, receive_transfer};

/// Scope of the claim that leads from a gateway's order reference to its attempt.
pub(crate) const ORDER_REF: &str = "attempt.order_ref";
