//! Bills of the platform: as its operators see theirs ([`staff`]), and as those who run it see all of them ([`platform`]).

mod connections;
mod platform;
mod staff;

pub(crate) use connections::{SaasConnectionsMutation, SaasGateway, SaasSender};
pub(crate) use platform::{
    SaasInvoice as PlatformSaasInvoice, SaasMutation as PlatformSaasMutation, SaasPayment,
    SaasPaymentAttempt, SaasQuery as PlatformSaasQuery,
};
pub(crate) use staff::{SaasInvoice, SaasMutation, SaasQuery};
