//! Who holds what, and how it becomes what the bus asks.

use simpul_domain::{
    TenantId, UserId,
    identity::{EmailAddress, Owners, OwnersCommand, PermissionName, Permissions, User, UserError, UserKind},
};
use simpul_event_store::{
    Actor, EventStore, StoreError, TenantTx, Work,
    inline::{Inline, access, claim},
};

use crate::{Outcome, Refusal, decide, permission, refuse};

/// Scope of the claim that makes addresses unique per tenant.
pub const EMAIL_SCOPE: &str = "user.email";

/// The key of an address's claim.
pub async fn email_index(
    store: &EventStore,
    tx: &mut TenantTx,
    email: &EmailAddress,
) -> Result<String, StoreError> {
    store.vault().blind_index(tx, EMAIL_SCOPE, email.as_str()).await
}

/// Whether a user of a tenant signs in with the address.
pub(crate) async fn has_address(
    store: &EventStore,
    tenant: TenantId,
    email: &EmailAddress,
) -> Result<bool, StoreError> {
    let mut tx = store.db().tenant_tx(tenant).await?;
    let index = email_index(store, &mut tx, email).await?;
    let owner = claim::owner(&mut tx, EMAIL_SCOPE, &index).await?;
    tx.commit().await?;
    Ok(owner.is_some())
}

/// What whoever runs this command holds; `None` for the product itself.
pub(super) async fn held(work: &Work<'_>) -> Outcome<Option<Permissions>> {
    let (user, scopes) = match &work.context().actor {
        Actor::System(_) => return Ok(None),
        Actor::User(user) => (*user, None),
        Actor::Key { user, scopes, .. } => (*user, Some(scopes)),
    };
    let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
    let standing = access::standing(&mut tx, user).await?;
    tx.commit().await?;
    let permissions = standing.permissions.iter();
    let within = permissions.filter(|name| scopes.is_none_or(|scopes| scopes.contains(name)));
    Ok(Some(
        within
            .filter_map(|name| PermissionName::parse(name).ok())
            .collect(),
    ))
}

/// Refuses to act on somebody who may do more than whoever acts.
pub(super) async fn must_not_outrank(work: &mut Work<'_>, user: UserId) -> Outcome<()> {
    let Some(held) = held(work).await? else {
        return Ok(());
    };
    let (permissions, _) = work.load::<User>(&user.to_string()).await?.access();
    match permissions.difference(&held).next() {
        None => Ok(()),
        Some(missing) => refuse(Refusal::User(UserError::Outranked {
            permission: missing.to_string(),
        })),
    }
}

/// Puts what a user may do by now where the bus reads it, and keeps the tenant's owners true.
pub(super) async fn publish(work: &mut Work<'_>, user: UserId) -> Outcome<()> {
    let state = work.load::<User>(&user.to_string()).await?;
    let ((permissions, version), owns) = (state.access(), state.is_owner());
    let customer = match state.kind() {
        Some(UserKind::Portal { customer }) => Some(customer),
        Some(UserKind::Staff) | None => None,
    };
    // Whoever is a customer may use the portal as long as they may do anything; no role gives or takes that.
    let customer = customer.filter(|_| !permissions.is_empty());
    let portal = customer.map(|_| permission::PORTAL.to_owned());
    work.inline(Inline::ActorAccess {
        actor: user,
        permissions: permissions.into_iter().map(String::from).chain(portal).collect(),
        version: version.into(),
    });
    work.inline(Inline::CustomerLink {
        actor: user,
        customer,
    });
    let (owners, at) = (work.tenant().to_string(), work.at());
    let command = if owns {
        OwnersCommand::Add { user, at }
    } else {
        OwnersCommand::Remove { user, at }
    };
    decide::<Owners>(work, &owners, command).await?;
    Ok(())
}
