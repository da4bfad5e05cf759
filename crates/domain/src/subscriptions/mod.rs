//! Service lines of customers: opened, activated, isolated for unpaid bills, suspended, stopped, terminated.
//!
//! Invariants: ISOLATED (unpaid), SUSPENDED (on request or abuse), STOPPED (long unpaid) and TERMINATED are four
//! different things; a payment lifts only an isolation; a late "overdue" of a paid invoice isolates nobody.
//! Events in: invoices that fall overdue and are settled (by policy). Not here: what the router is told
//! (`network::desired`).

pub mod subscription;

pub use subscription::{
    IsolirHold, PppUsername, Subscription, SubscriptionCommand, SubscriptionError, SubscriptionEvent,
    SubscriptionStatus,
};
