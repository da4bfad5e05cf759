//! Carries commands out in another log than that of the event: the platform's, or a tenant's.

use std::collections::BTreeSet;

use simpul_domain::{
    TenantId,
    identity::UserKind,
    platform::{
        Errand,
        account::{AccountOpened, OwnerContact},
    },
};
use simpul_event_store::{Bus, Context, StoreError, feed::HandlerError};

use super::hand::dispatch;
use crate::{
    Personal,
    identity::{
        Invitation,
        invitations::{Handover, InviteOwner},
    },
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
        Errand::InviteOwner(invited) => {
            // In the tenant's trail it is a person's doing.
            let context = Context {
                impersonator: Some(invited.by),
                ..context
            };
            let invitation = match invitation(bus, invited.tenant, &invited.owner).await {
                // The account was deleted meanwhile, and nobody knows any more whom it named.
                Err(StoreError::Erased) => return Ok(()),
                invitation => invitation?,
            };
            let user = invited.owner.user;
            dispatch(bus, context, InviteOwner { user, invitation }).await
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

/// An owner's name and address, as they move from the platform's vault into the tenant's own.
async fn invitation(bus: &Bus, tenant: TenantId, owner: &OwnerContact) -> Result<Invitation, StoreError> {
    let account = tenant.to_string();
    let (store, platform) = (bus.store(), TenantId::PLATFORM);
    let name = (account.as_str(), owner_field::NAME);
    let email = (account.as_str(), owner_field::EMAIL);
    Ok(Invitation {
        name: Personal::open(store, platform, name, &owner.name).await?,
        email: Personal::open(store, platform, email, &owner.email).await?,
        kind: UserKind::Staff,
        roles: BTreeSet::new(),
        handover: Handover::Letter,
    })
}

/// The tenant as its account tells it.
async fn onboarding(bus: &Bus, opened: AccountOpened) -> Result<OnboardTenant, HandlerError> {
    let invitation = invitation(bus, opened.tenant, &opened.owner).await?;
    Ok(OnboardTenant {
        name: opened.name,
        subdomain: opened.subdomain,
        settings: opened.settings,
        owner: opened.owner.user,
        invitation: Some(invitation),
        entitlements: opened.entitlements,
    })
}
