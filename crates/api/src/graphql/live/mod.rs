//! What comes by itself (`facts/graphql.md` 6.8): events of a tenant in order, each with a cursor to come back with, and
//! the state of one thing, now and after each change.
//!
//! - `events`: how a stored event becomes a public one, and how a log is followed;
//! - `happenings`: which events there are for staff; the platform's are beside its types;
//! - `states`: how one thing is watched, and which things staff can watch.
//!
//! The root's name is `Live`, because a `Subscription` is a service line here. The tenant is that of the log that is
//! followed; the permission of each stream is asked for before it starts, and again by its connection.

pub(super) mod events;
mod happenings;
pub(super) mod states;

use async_graphql::MergedSubscription;

pub(super) use self::states::State;

/// Everything that can be listened to.
#[derive(Debug, Default, MergedSubscription)]
#[graphql(name = "Live")]
pub(crate) struct Live(happenings::Happenings, states::States);

#[cfg(test)]
mod tests;
