//! Service lines: what a customer has, what is wanted of the router, and what it was proved to hold.

mod bulk;
mod mutations;
mod queries;
mod types;

pub(crate) use self::{
    bulk::BulkMutation,
    mutations::SubscriptionsMutation,
    queries::SubscriptionsQuery,
    types::{Subscription, SubscriptionStatus},
};
