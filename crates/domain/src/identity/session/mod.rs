//! One session: a sign-in, until it ends. Its refresh tokens change without events; they are no facts of business.

mod aggregate;
mod command;
mod error;
mod event;
mod rotation;
#[cfg(test)]
mod tests;
pub mod theft;

pub use aggregate::{Session, SessionStatus};
pub use command::{SessionCommand, StartSession};
pub use error::SessionError;
pub use event::{EndReason, SessionEnded, SessionEvent, SessionStarted, SignInMethod};
pub use rotation::{Exchange, FORGIVENESS, RefreshToken};
