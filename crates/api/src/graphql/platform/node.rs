//! Anything of the platform's by its id.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result};
use simpul_domain::Code;

use super::{backups::Backup, tenants::ManagedTenant};
use crate::{
    ApiError,
    graphql::{
        identity::{api_keys::ApiKey, lists::Session, user::User},
        node::nodes,
        saas::{
            PlatformSaasInvoice as SaasInvoice, SaasGateway, SaasPayment, SaasPaymentAttempt, SaasSender,
        },
        scope::{Scope, scope},
    },
};

nodes! {
    "att" => SaasPaymentAttempt = SaasPaymentAttempt::load,
    "bak" => Backup = Backup::load,
    "gwy" => SaasGateway = SaasGateway::load,
    "inv" => SaasInvoice = SaasInvoice::load,
    "key" => ApiKey = ApiKey::load,
    "pay" => SaasPayment = SaasPayment::load,
    "ses" => Session = Session::load,
    "snd" => SaasSender = SaasSender::load,
    "ten" => ManagedTenant = ManagedTenant::load,
    "usr" => User = User::find,
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
        Ok(Node::load_all(scope(context)?, &ids).await?)
    }
}
