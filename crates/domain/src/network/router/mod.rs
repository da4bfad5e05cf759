//! One router: where it is, how to log in, and who it says it is.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Router, RouterStatus};
pub use command::{RegisterRouter, RouterCommand};
pub use error::RouterError;
pub use event::{
    RouterAddress, RouterAddressChanged, RouterEvent, RouterIdentified, RouterRegistered, RouterRetired,
    TlsMode,
};
