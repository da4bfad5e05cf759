//! Bills of the platform: as its operators see theirs ([`staff`]), and as those who run it see all of them ([`platform`]).

mod connections;
mod platform;
mod staff;

pub(crate) use connections::SaasConnectionsMutation;
pub(crate) use platform::{SaasMutation as PlatformSaasMutation, SaasQuery as PlatformSaasQuery};
pub(crate) use staff::{SaasMutation, SaasQuery};
