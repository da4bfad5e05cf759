//! A name in the DNS under which an operator's front ends live (F30): asked for, proved by a TXT record, given back.
//!
//! Invariants: a name leads to a tenant only while it is proved, and to one tenant at most; a request that nobody
//! proves keeps it from nobody; what the platform has taken away stays away until the platform allows it. An answer that did not come changes nothing: only a resolver's word that the record is
//! not there counts, and only after days of it.

mod aggregate;
mod command;
mod error;
mod event;
mod name;
#[cfg(test)]
mod tests;

pub use aggregate::{CustomDomain, DomainStatus};
pub use command::{CustomDomainCommand, Observed};
pub use error::CustomDomainError;
pub use event::{
    CustomDomainEvent, DomainAllowed, DomainLapsed, DomainProved, DomainReleased, DomainRequested,
    DomainRevoked, ProofFound, ProofMissed,
};
pub use name::{CHALLENGE_LABEL, DomainName, DomainNameError};
