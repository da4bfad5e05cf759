//! How a tenant wants its users to sign in: how long a session lasts, and which letters warn of what (SPEC 3).
//!
//! A stream of its own, so that changing it neither waits for the tenant's other settings nor undoes them.

mod aggregate;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{SignInRules, SignInRulesCommand, SignInRulesError};
pub use event::{SignInRulesChanged, SignInRulesEvent, SignInTerms};
