//! Anything by its id. What is another tenant's, deleted or misspelt is null, never an error that tells existence.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result};

use super::{
    billing::{Invoice, Payment},
    catalog::ServicePlan,
    customers::Customer,
    messaging::Message,
    network::Router,
    scope::{Scope, scope},
    subscriptions::Subscription,
};
use crate::ApiError;

/// Most ids of one question.
const MAX_IDS: usize = 100;

/// Anything with an id.
#[derive(Debug, Interface)]
#[graphql(field(
    name = "id",
    ty = "&ID",
    desc = "Opaque, unique over everything, never used again."
))]
pub(crate) enum Node {
    Customer(Customer),
    Invoice(Invoice),
    Message(Message),
    Payment(Payment),
    Router(Router),
    ServicePlan(ServicePlan),
    Subscription(Subscription),
}

impl Node {
    /// The prefix of an id says what it is of; the rest is that type's own check.
    async fn load(scope: &Arc<Scope>, id: &str) -> Result<Option<Self>, ApiError> {
        macro_rules! by_prefix {
            ($($prefix:literal => $type:ident,)*) => {
                match id.split_once('_').map(|(prefix, _)| prefix) {
                    $(Some($prefix) => match id.parse() {
                        Ok(id) => $type::load(scope, id).await?.map(Self::$type),
                        Err(_) => None,
                    },)*
                    _ => None,
                }
            };
        }
        Ok(by_prefix!(
            "cus" => Customer,
            "inv" => Invoice,
            "msg" => Message,
            "pay" => Payment,
            "rtr" => Router,
            "pln" => ServicePlan,
            "sub" => Subscription,
        ))
    }
}

/// Questions about anything.
#[derive(Debug, Default)]
pub(crate) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// One thing; null when there is none.
    /// Permission: that of its type
    async fn node(&self, context: &Context<'_>, #[graphql(desc = "Any id.")] id: ID) -> Result<Option<Node>> {
        Ok(Node::load(scope(context)?, &id).await?)
    }

    /// Several things in the order of their ids, null where there is none.
    /// Permission: that of their types
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "At most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_IDS {
            let text = format!("ids has at most {MAX_IDS} entries");
            return Err(ApiError::new(simpul_domain::Code::ValidationError, text).into());
        }
        let scope = scope(context)?;
        let found = ids.iter().map(|id| Node::load(scope, id));
        Ok(futures_util::future::try_join_all(found).await?)
    }
}
