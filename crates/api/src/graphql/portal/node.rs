//! Anything of the customer's by its id.

use async_graphql::{Context, ID, Interface, Object, Result};

use super::{bills::Invoice, lines::Subscription, money::Payment};
use crate::graphql::scope::scope;

/// Anything with an id.
#[derive(Debug, Interface)]
#[graphql(field(
    name = "id",
    ty = "&ID",
    desc = "Opaque, unique over everything, never used again."
))]
pub(crate) enum Node {
    Invoice(Invoice),
    Payment(Payment),
    Subscription(Subscription),
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
        if let Ok(id) = id.parse() {
            return Ok(Invoice::load(scope, id).await?.map(Node::Invoice));
        }
        if let Ok(id) = id.parse() {
            return Ok(Payment::load(scope, id).await?.map(Node::Payment));
        }
        match id.parse() {
            Ok(id) => Ok(Subscription::load(scope, id).await?.map(Node::Subscription)),
            Err(_) => Ok(None),
        }
    }
}
