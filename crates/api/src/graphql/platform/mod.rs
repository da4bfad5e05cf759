//! The platform's schema, `schema.platform.graphql`: for those who run it, in the log of the platform's own tenant.
//!
//! A context adds its roots here as it does in [`staff`](super::staff): a part of [`Query`], a part of `Mutation`,
//! and payloads with `payload! { … } in platform`.

mod viewer;

use async_graphql::{EmptyMutation, EmptySubscription, MergedObject};

/// Everything that can be asked. Every field reads; none changes anything.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct Query(viewer::ViewerQuery);

/// Nothing can be told yet.
pub(crate) type Mutation = EmptyMutation;

/// Nothing is followed yet.
pub(crate) type Live = EmptySubscription;
