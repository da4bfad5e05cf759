//! The portal's schema, `schema.portal.graphql`: a customer's own profile, lines, bills and payments.
//!
//! Its types have the names of the staff's where they mean the same, and are types of their own: a portal has no
//! field that leads to another customer or into the house.

mod viewer;

use async_graphql::{EmptyMutation, EmptySubscription, MergedObject};

/// Everything that can be asked. Every field reads; none changes anything.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct Query(viewer::ViewerQuery);

/// Nothing can be told yet.
pub(crate) type Mutation = EmptyMutation;

/// Nothing is followed yet.
pub(crate) type Live = EmptySubscription;
