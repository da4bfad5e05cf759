//! On what terms the platform bills its operators: one stream in the platform's log.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{BillingTerms, Terms};
pub use command::TermsCommand;
pub use error::TermsError;
pub use event::{TermsEvent, TermsSet};
