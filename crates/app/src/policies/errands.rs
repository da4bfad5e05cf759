//! Carries commands out in another log than that of the event: the platform's, or a tenant's.

use simpul_domain::platform::Errand;
use simpul_event_store::{Bus, Context, feed::HandlerError};

use super::dispatch;
use crate::{
    platform::{CancelAddOn, DeleteAccount, EndAddOn, RequestAddOn},
    tenancy::{ApplyEntitlements, EraseTenant, OnboardTenant, SettleAddOnOrder},
};

/// `context` is that of the target's log.
pub(super) async fn run(bus: &Bus, context: Context, errand: Errand) -> Result<(), HandlerError> {
    match errand {
        Errand::FoundTenant(opened) => {
            let onboard = OnboardTenant {
                name: opened.name,
                subdomain: opened.subdomain,
                settings: opened.settings,
                owner: opened.owner.user,
                entitlements: opened.entitlements,
            };
            dispatch(bus, context, onboard).await
        }
        Errand::ApplyEntitlements {
            revision,
            entitlements,
            ..
        } => {
            let apply = ApplyEntitlements {
                revision,
                entitlements: *entitlements,
            };
            dispatch(bus, context, apply).await
        }
        Errand::EraseTenant { .. } => dispatch(bus, context, EraseTenant {}).await,
        Errand::SettleAddOn {
            order, settlement, ..
        } => dispatch(bus, context, SettleAddOnOrder { order, settlement }).await,
        Errand::RequestAddOn {
            tenant,
            order,
            key,
            quantity,
        } => {
            let request = RequestAddOn {
                tenant,
                order,
                key,
                quantity,
            };
            dispatch(bus, context, request).await
        }
        Errand::CancelAddOn { tenant, order } => dispatch(bus, context, CancelAddOn { tenant, order }).await,
        Errand::EndAddOn { tenant, order } => dispatch(bus, context, EndAddOn { tenant, order }).await,
        Errand::DeleteTenant { tenant } => dispatch(bus, context, DeleteAccount { tenant }).await,
    }
}
