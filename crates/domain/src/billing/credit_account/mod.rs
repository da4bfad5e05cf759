//! A customer's credit: money received beyond bills, used on later ones.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::CreditAccount;
pub use command::CreditAccountCommand;
pub use error::CreditAccountError;
pub use event::{CreditAccountEvent, CreditAdded, CreditReturned, CreditTakenBack, CreditUse, CreditUsed};
