//! Carries commands out in another log than that of the event: the platform's, or a tenant's.

use std::collections::BTreeSet;

use simpul_domain::{
    TenantId,
    identity::UserKind,
    platform::{Errand, account::AccountOpened},
};
use simpul_event_store::{Bus, Context, feed::HandlerError};

use super::hand::dispatch;
use crate::{
    Personal,
    identity::{Invitation, invitations::Handover},
    platform::{CancelAddOn, DeleteAccount, EndAddOn, RequestAddOn, owner_field},
    tenancy::{
        AllowDomain, ApplyEntitlements, EraseTenant, OnboardTenant, RenameTenant, RevokeDomain,
        SettleAddOnOrder,
    },
};

/// `context` is that of the target's log.
pub(super) async fn run(bus: &Bus, context: Context, errand: Errand) -> Result<(), HandlerError> {
    match errand {
        Errand::FoundTenant(opened) => dispatch(bus, context, onboarding(bus, *opened).await?).await,
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
        Errand::RenameTenant { name, .. } => dispatch(bus, context, RenameTenant { name }).await,
        Errand::EraseTenant { .. } => dispatch(bus, context, EraseTenant {}).await,
        Errand::RevokeDomain { name, reason, .. } => {
            dispatch(bus, context, RevokeDomain { name, reason }).await
        }
        Errand::AllowDomain { name, .. } => dispatch(bus, context, AllowDomain { name }).await,
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

/// The tenant as its account tells it. Its owner's name and address move from the platform's vault into its own.
async fn onboarding(bus: &Bus, opened: AccountOpened) -> Result<OnboardTenant, HandlerError> {
    let account = opened.tenant.to_string();
    let (store, platform) = (bus.store(), TenantId::PLATFORM);
    let name = (account.as_str(), owner_field::NAME);
    let email = (account.as_str(), owner_field::EMAIL);
    let invitation = Invitation {
        name: Personal::open(store, platform, name, &opened.owner.name).await?,
        email: Personal::open(store, platform, email, &opened.owner.email).await?,
        kind: UserKind::Staff,
        roles: BTreeSet::new(),
        handover: Handover::Letter,
    };
    Ok(OnboardTenant {
        name: opened.name,
        subdomain: opened.subdomain,
        settings: opened.settings,
        owner: opened.owner.user,
        invitation: Some(invitation),
        entitlements: opened.entitlements,
    })
}
