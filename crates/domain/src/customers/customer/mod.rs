//! One end customer.

mod aggregate;
mod code;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Customer, CustomerStatus};
pub use code::{CustomerCode, CustomerCodeError};
pub use command::CustomerCommand;
pub use error::CustomerError;
pub use event::{CustomerContactChanged, CustomerErased, CustomerEvent, CustomerRegistered};
