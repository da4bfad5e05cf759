//! Routers, and the proof that each did what was wanted of it.
//!
//! Invariants: a stale confirmation never wins; a changed address needs its secret again, so that a stored
//! password is never handed to another host. Not here: the wire protocol and the diff (routeros, adapters).

pub mod desired;
mod names;
pub mod provisioning;
pub mod router;
pub mod sweep;

pub use names::{PppProfile, PppProfileError, RouterHost, RouterHostError, Sha256Hex, Sha256HexError};
pub use provisioning::{Access, Provisioning, ProvisioningCommand, ProvisioningError, ProvisioningEvent};
pub use router::{Router, RouterAddress, RouterCommand, RouterError, RouterEvent, TlsMode};
