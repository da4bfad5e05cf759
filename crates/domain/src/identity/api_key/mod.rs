//! One key with which a machine acts for a user, within a part of what that user may do.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{ApiKey, ApiKeyStatus};
pub use command::{ApiKeyCommand, IssueApiKey};
pub use error::ApiKeyError;
pub use event::{ApiKeyEvent, ApiKeyIssued, ApiKeyRevoked};
