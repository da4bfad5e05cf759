//! Anything of the customer's by its id.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result};
use simpul_domain::Code;

use super::{
    bills::Invoice,
    lines::Subscription,
    money::{Payment, PaymentAttempt},
    viewer::Customer,
};
use crate::{
    ApiError,
    graphql::{
        identity::{lists::Session, user::User},
        node::nodes,
        scope::{Scope, scope},
    },
};

nodes! {
    "att" => PaymentAttempt = PaymentAttempt::load,
    "cus" => Customer = Customer::load,
    "inv" => Invoice = Invoice::load,
    "pay" => Payment = Payment::load,
    "ses" => Session = Session::own,
    "sub" => Subscription = Subscription::load,
    "usr" => User = User::own,
}

/// Questions about anything.
#[derive(Debug, Default)]
pub(crate) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// One thing of the customer's; null when there is none.
    /// Permission: portal.customer
    async fn node(&self, context: &Context<'_>, #[graphql(desc = "Any id.")] id: ID) -> Result<Option<Node>> {
        let scope = scope(context)?;
        scope.customer().await?;
        Ok(Node::load(scope, &id).await?)
    }

    /// Several things of the customer's in the order of their ids, null where there is none.
    /// Permission: portal.customer
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "At most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        let scope = scope(context)?;
        scope.customer().await?;
        Ok(Node::load_all(scope, &ids).await?)
    }
}
