//! A plan on offer: its limits, features and monthly price. An account keeps the terms of the day on which it took
//! the plan; other terms reach it when it takes the plan again.
//!
//! A retired plan takes nobody new; accounts on it keep it, at what they pay. The last plan on offer can be retired
//! too: nothing takes a plan by itself, whoever onboards an operator names one.

mod aggregate;
pub mod catalogue;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::Plan;
pub use command::PlanCommand;
pub use error::PlanError;
pub use event::{PlanDefined, PlanEvent, PlanRetired, PlanTerms};
