//! The portal's schema, `schema.portal.graphql`: a customer's own profile, lines, bills and payments.
//!
//! Its types have the names of the staff's where they mean the same, and are types of their own: a portal has no
//! field that leads to another customer or into the house. Which customer asks is in no argument; every query over
//! a read model is narrowed to them in its own statement.

mod bills;
mod lines;
mod money;
mod node;
mod viewer;
mod ways;

use async_graphql::{MergedObject, MergedSubscription};

use super::identity;

/// Everything that can be asked. Every field reads; none changes anything.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct Query(
    viewer::ViewerQuery,
    lines::LinesQuery,
    bills::BillsQuery,
    money::MoneyQuery,
    ways::WaysQuery,
    node::NodeQuery,
    identity::account::AccountQuery,
);

/// Everything that can be told. Several in one operation run in order and are independent of each other.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct Mutation(money::MoneyMutation, identity::OwnMutation);

/// Everything that can be listened to.
#[derive(Debug, Default, MergedSubscription)]
#[graphql(name = "Live")]
pub(crate) struct Live(bills::BillStates, money::AttemptStates);
