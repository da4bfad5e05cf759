//! What comes by itself (`facts/graphql.md` 6.8): events of a tenant in order, each with a cursor to come back with, and
//! the state of one thing, now and after each change.
//!
//! The root's name is `Live`, because a `Subscription` is a service line here. The tenant is that of the log that is
//! followed; the permission of each stream is asked for before it starts, and again by its connection.

mod events;
pub(super) mod states;

use async_graphql::MergedSubscription;

/// Everything that can be listened to.
#[derive(Debug, Default, MergedSubscription)]
#[graphql(name = "Live")]
pub(crate) struct Live(events::EventStreams, states::StateStreams);
