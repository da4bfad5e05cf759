//! End customers of a tenant. Personal fields are sealed before they get here.
//!
//! Invariant: after the subject's erasure nothing more is recorded about the person. Not here: uniqueness of the
//! code (a claim in the append), and the lifecycle from lead to installed.

pub mod customer;
pub mod phone;

pub use customer::{Customer, CustomerCode, CustomerCommand, CustomerError, CustomerEvent};
pub use phone::{PhoneError, PhoneNumber};
