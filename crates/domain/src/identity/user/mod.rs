//! One user: who they are to the tenant, what they may do, and which proofs of identity they have.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{User, UserStatus};
pub use command::{InviteUser, UserCommand};
pub use error::UserError;
pub use event::{
    AccessChanged, EmailChanged, PasswordOrigin, PasswordSet, RecoveryCodeUsed, SecondFactorConfirmed,
    SecondFactorRemoved, UserDisabled, UserEnabled, UserErased, UserEvent, UserInvited, UserJoined, UserKind,
    UserRenamed,
};
