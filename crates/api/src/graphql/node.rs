//! Anything by its id. What is another tenant's, deleted or misspelt is null, never an error that tells existence; whoever
//! may not see a type is told so, whether or not there is such a thing.

use async_graphql::ID;
use simpul_domain::Code;

use super::{
    billing::{Gateway, Invoice, Payment, PaymentAttempt},
    catalog::ServicePlan,
    customers::Customer,
    domains::CustomDomain,
    entitled::AddOnOrder,
    identity::{api_keys::ApiKey, lists::Session, roles::Role, user::User},
    jobs::Job,
    messaging::{Message, Sender},
    network::Router,
    operations::Intervention,
    saas::SaasInvoice,
    subscriptions::Subscription,
    tenancy::Tenant,
};
use crate::ApiError;

/// Most ids of one question.
const MAX_IDS: usize = 100;

/// Declares what has an id in a schema, who finds it, and the questions. It is told by the prefix of the id, the rest of
/// which is the type's own check. Of several types with one prefix the first that has it is taken; refused is who may see
/// none of them.
macro_rules! nodes {
    ($($prefix:literal => $($type:ident = $load:path)|+,)*) => {
        /// Anything with an id.
        #[derive(Debug, async_graphql::Interface)]
        #[graphql(field(
            name = "id",
            ty = "&async_graphql::ID",
            desc = "Opaque, unique over everything, never used again."
        ))]
        pub(crate) enum Node {
            $($($type($type),)+)*
        }

        impl Node {
            async fn load(
                scope: &std::sync::Arc<$crate::graphql::scope::Scope>,
                id: &str,
            ) -> Result<Option<Self>, $crate::ApiError> {
                match id.split_once('_').map(|(prefix, _)| prefix) {
                    $(Some($prefix) => {
                        let mut refused = Ok(None);
                        let mut may_see = false;
                        $(if let Ok(id) = id.parse() {
                            match $load(scope, id).await {
                                Ok(Some(found)) => return Ok(Some(Self::$type(found))),
                                Ok(None) => may_see = true,
                                Err(error) if error.code == simpul_domain::Code::Forbidden => refused = Err(error),
                                Err(error) => return Err(error),
                            }
                        })+
                        if may_see { Ok(None) } else { refused }
                    })*
                    _ => Ok(None),
                }
            }

            /// In the order of their ids.
            async fn load_all(
                scope: &std::sync::Arc<$crate::graphql::scope::Scope>,
                ids: &[async_graphql::ID],
            ) -> Result<Vec<Option<Self>>, $crate::ApiError> {
                $crate::graphql::node::may_ask(ids)?;
                let found = ids.iter().map(|id| Self::load(scope, id));
                futures_util::future::try_join_all(found).await
            }
        }

        /// Questions about anything.
        #[derive(Debug, Default)]
        pub(crate) struct NodeQuery;

        #[async_graphql::Object]
        impl NodeQuery {
            /// One thing; null when there is none.
            /// Permission: that of its type
            async fn node(
                &self,
                context: &async_graphql::Context<'_>,
                #[graphql(desc = "Any id.")] id: async_graphql::ID,
            ) -> async_graphql::Result<Option<Node>> {
                Ok(Node::load($crate::graphql::scope::scope(context)?, &id).await?)
            }

            /// Several things in the order of their ids, null where there is none.
            /// Permission: that of their types
            async fn nodes(
                &self,
                context: &async_graphql::Context<'_>,
                #[graphql(desc = "At most 100.")] ids: Vec<async_graphql::ID>,
            ) -> async_graphql::Result<Vec<Option<Node>>> {
                Ok(Node::load_all($crate::graphql::scope::scope(context)?, &ids).await?)
            }
        }
    };
}
pub(super) use nodes;

/// Whether so many ids may be asked for at once.
pub(super) fn may_ask(ids: &[ID]) -> Result<(), ApiError> {
    if ids.len() > MAX_IDS {
        let text = format!("ids has at most {MAX_IDS} entries");
        return Err(ApiError::new(Code::ValidationError, text));
    }
    Ok(())
}

nodes! {
    "att" => PaymentAttempt = PaymentAttempt::load,
    "cus" => Customer = Customer::load,
    "dom" => CustomDomain = CustomDomain::load,
    "gwy" => Gateway = Gateway::load,
    "inv" => Invoice = Invoice::load | SaasInvoice = SaasInvoice::load,
    "itv" => Intervention = Intervention::load,
    "job" => Job = Job::load,
    "key" => ApiKey = ApiKey::load,
    "msg" => Message = Message::load,
    "ord" => AddOnOrder = AddOnOrder::load,
    "pay" => Payment = Payment::load,
    "pln" => ServicePlan = ServicePlan::load,
    "rol" => Role = Role::load,
    "rtr" => Router = Router::load,
    "ses" => Session = Session::load,
    "snd" => Sender = Sender::load,
    "sub" => Subscription = Subscription::load,
    "ten" => Tenant = Tenant::own,
    "usr" => User = User::find,
}
