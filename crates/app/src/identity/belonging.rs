//! One person in several tenants (F36): whoever has shown in each of them that letters to the same address arrive.
//!
//! A row of the directory says so, under a keyed hash of the address that the master key alone can make. It is put by the
//! command with which the address is proved, moves with it and goes with its user. Customers in the portal are not among
//! them: whom they pay is nobody's business but theirs.

use simpul_domain::{
    TenantId, UserId,
    identity::{EmailAddress, User, UserKind},
};
use simpul_event_store::{
    EventStore, StoreError, Work,
    inline::{
        Inline,
        directory::{self, kind::PERSON},
    },
};

use super::field;
use crate::{Outcome, Personal};

/// Tenants of one person that are looked at.
const MAX_TENANTS: i64 = 50;

/// What all rows of one person begin with.
fn prefix(store: &EventStore, email: &EmailAddress) -> String {
    let proof = store.vault().prove("simpul/person/v1", email.as_str().as_bytes());
    format!("{}/", hex::encode(proof))
}

/// From now on the user is whoever else has this address.
pub(super) async fn belong(work: &mut Work<'_>, user: UserId, email: &Personal) -> Outcome<()> {
    if let Some(key) = key(work, user, email).await? {
        work.inline(Inline::Route(directory::Route {
            kind: PERSON.to_owned(),
            key,
            target: user.to_string(),
        }));
    }
    Ok(())
}

/// From now on the user is nobody else.
pub(super) async fn part(work: &mut Work<'_>, user: UserId, email: &Personal) -> Outcome<()> {
    if let Some(key) = key(work, user, email).await? {
        let kind = PERSON.to_owned();
        work.inline(Inline::Unroute { kind, key });
    }
    Ok(())
}

async fn key(work: &mut Work<'_>, user: UserId, email: &Personal) -> Outcome<Option<String>> {
    let is_staff = work.load::<User>(&user.to_string()).await?.kind() == Some(UserKind::Staff);
    let email = EmailAddress::typed(email.as_str()).ok().filter(|_| is_staff);
    let tenant = work.tenant();
    Ok(email.map(|email| format!("{}{tenant}", prefix(work.store(), &email))))
}

/// Everybody who is the same person as a member of a tenant's staff, themself among them.
pub async fn same_person(
    store: &EventStore,
    tenant: TenantId,
    user: UserId,
) -> Result<Vec<(TenantId, UserId)>, StoreError> {
    let id = user.to_string();
    let (state, _) = store.load::<User>(tenant, &id).await?;
    let Some((sealed, _)) = state.contact() else {
        return Ok(Vec::new());
    };
    let email = match Personal::open(store, tenant, (&id, field::EMAIL), sealed).await {
        Err(StoreError::Erased) => return Ok(Vec::new()),
        email => email?,
    };
    let Ok(email) = EmailAddress::typed(email.as_str()) else {
        return Ok(Vec::new());
    };
    let prefix = prefix(store, &email);
    let mut tx = store.db().system_tx().await?;
    let span = directory::Span {
        beyond: Some(&prefix),
        back: false,
        limit: MAX_TENANTS,
    };
    let held = directory::list(&mut tx, PERSON, None, span).await?;
    tx.commit().await?;
    let own = held.into_iter().take_while(|held| held.key.starts_with(&prefix));
    let found: Vec<(TenantId, UserId)> = own
        .filter_map(|held| Some((held.tenant, held.target.parse().ok()?)))
        .collect();
    // Whoever has not proved the address they are known by is nobody else.
    Ok(if found.contains(&(tenant, user)) {
        found
    } else {
        Vec::new()
    })
}
