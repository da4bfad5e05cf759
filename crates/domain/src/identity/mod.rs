//! People and machines with credentials: users, their roles, their sessions and their keys.
//!
//! Permissions are the truth and roles are named sets of them; an event that changes what somebody may do carries
//! the result. Invariants: a tenant keeps at least one owner; nobody grants what they do not hold; whoever is disabled
//! may do nothing. Secrets (passwords, second factors, tokens) are not history: they live beside the log, replaceable
//! and destructible (ADR 13). Not here: how a password is checked, and who is held up for guessing.

pub mod api_key;
mod email;
pub mod impersonation;
mod letter;
pub mod owners;
mod permission;
pub mod role;
mod role_key;
pub mod session;
pub mod sign_in_rules;
pub mod user;

pub use api_key::{ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyEvent};
pub use email::{EmailAddress, EmailAddressError};
pub use impersonation::{Impersonation, ImpersonationCommand, ImpersonationError, ImpersonationEvent};
pub use letter::LetterKind;
pub use owners::{Owners, OwnersCommand, OwnersError, OwnersEvent};
pub use permission::{PermissionName, PermissionNameError, Permissions};
pub use role::{Role, RoleCommand, RoleError, RoleEvent};
pub use role_key::{BuiltInRole, RoleKey, RoleKeyError};
pub use session::{EndReason, Session, SessionCommand, SessionError, SessionEvent, SignInMethod};
pub use sign_in_rules::{SignInRules, SignInRulesCommand, SignInRulesError, SignInRulesEvent, SignInTerms};
pub use user::{User, UserCommand, UserError, UserEvent, UserKind, UserStatus};
