//! Anything of the platform's by its id.

use super::{backups::Backup, tenants::ManagedTenant};
use crate::graphql::{
    identity::{api_keys::ApiKey, lists::Session, user::User},
    node::nodes,
    saas::{PlatformSaasInvoice as SaasInvoice, SaasGateway, SaasPayment, SaasPaymentAttempt, SaasSender},
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
