//! Use cases: what each command loads, checks and appends.
//!
//! A use case is a [`simpul_event_store::Command`]: a serialisable input, the access it needs, and `run`, which
//! turns a unit of work into an answer. The front door, policies, workers and the command line all dispatch the
//! same ones; none of them knows a transport.

pub mod accounting;
pub mod billing;
pub mod catalog;
pub mod customers;
pub mod hooks;
pub mod identity;
pub mod jobs;
pub mod messaging;
pub mod network;
pub mod operations;
pub mod permission;
mod personal;
pub mod platform;
pub mod policies;
mod refusal;
pub mod saas;
pub mod snapshots;
pub mod stream;
pub mod subscriptions;
pub mod tenancy;

pub use personal::Personal;
pub use refusal::{FieldRefusal, Refusal};

use simpul_domain::Decider;
use simpul_event_store::{DecideError, Failure, StoreError, Work};

/// What a use case's `run` returns.
pub type Outcome<A> = Result<A, Failure<Refusal>>;

/// Decides on one stream, mapping its refusal into ours.
pub(crate) async fn decide<A>(work: &mut Work<'_>, id: &str, command: A::Command) -> Outcome<Vec<A::Event>>
where
    A: Decider,
    Refusal: From<A::Error>,
{
    work.decide::<A>(id, command).await.map_err(|error| match error {
        DecideError::Refused(refusal) => Failure::Refused(refusal.into()),
        DecideError::Store(error) => Failure::Store(error),
    })
}

/// Refuses with one of our own reasons.
pub(crate) fn refuse<A>(refusal: Refusal) -> Outcome<A> {
    Err(Failure::Refused(refusal))
}

/// Maps a calculation's error into a refusal.
pub(crate) fn refused<E: Into<Refusal>>(error: E) -> Failure<Refusal> {
    Failure::Refused(error.into())
}

/// Something that a stored event must have and has not: corruption, not a person's mistake.
pub(crate) const fn corrupt() -> Failure<Refusal> {
    Failure::Store(StoreError::Aborted)
}
