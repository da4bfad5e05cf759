//! Users, roles, sessions and keys: what each command loads, checks and appends, and the arithmetic of proofs.
//!
//! Guessing is slow by design, so passwords are hashed and compared in [`hasher::Hasher`], outside of every
//! transaction; commands take the finished hash. Random secrets ([`secret`]) name their tenant, so that they can be
//! looked up before anybody has said who they are.

mod access;
pub(crate) mod admins;
pub mod api_keys;
pub mod belonging;
pub mod emails;
pub mod erasure;
pub mod hasher;
pub mod impersonation;
pub mod invitations;
pub mod letters;
pub mod password;
pub mod passwords;
pub mod pepper;
pub mod roles;
pub mod rules;
pub mod second_factor;
pub mod secret;
pub mod sessions;
pub mod totp;
pub mod users;

pub(crate) use access::has_address;
pub use access::{EMAIL_SCOPE, email_index};
pub use hasher::Hasher;
pub use invitations::{Invitation, found_owner};
pub use pepper::Peppers;
use simpul_event_store::Access;

use crate::permission;

/// For what somebody does about their own account, while their tenant is locked too.
const OWN: Access = Access {
    when_locked: true,
    ..Access::permission(permission::ACCOUNT_OWN)
};

/// Fields of a user that are sealed.
pub mod field {
    pub const EMAIL: &str = "email";
    pub const LETTER: &str = "letter";
    pub const NAME: &str = "name";
    /// The address that a ticket proves.
    pub const NEW_EMAIL: &str = "new_email";
    pub const PASSWORD: &str = "password";
    pub const TOTP: &str = "totp";
}
