//! Users, roles, sessions and keys: what each command loads, checks and appends, and the arithmetic of proofs.
//!
//! Guessing is slow by design, so passwords are hashed and compared in [`hasher::Hasher`], outside of every
//! transaction; commands take the finished hash. Random secrets ([`secret`]) name their tenant, so that they can be
//! looked up before anybody has said who they are.

mod access;
pub mod api_keys;
pub mod hasher;
pub mod impersonation;
pub mod invitations;
pub mod password;
pub mod passwords;
pub mod roles;
pub mod second_factor;
pub mod secret;
pub mod sessions;
pub mod totp;
pub mod users;

pub use access::{EMAIL_SCOPE, email_index};
pub use hasher::Hasher;
pub use invitations::{Invitation, found_owner};

/// Fields of a user that are sealed.
pub mod field {
    pub const EMAIL: &str = "email";
    pub const NAME: &str = "name";
    pub const PASSWORD: &str = "password";
    pub const TOTP: &str = "totp";
}
