//! Users. Names and addresses stay sealed in the table and are opened when they are read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use simpul_domain::{
    AnyEvent, CustomerId, Decider, Sealed, UserId,
    identity::{User, UserEvent, UserKind},
};
use simpul_event_store::{
    Recorded, StoreError, TenantTx, Vault,
    feed::{HandlerError, Interest, Projector},
    vault::Keyring,
};
use sqlx::types::Uuid;

use crate::{
    QueryError,
    event::decode_all,
    rows::rows,
    sift::{self, Kind, Searched, Sift, Sifted, id, sifted},
    stored::{column, unless_erased},
};

/// Words of the column `status`.
pub mod status {
    pub const INVITED: &str = "invited";
    pub const ACTIVE: &str = "active";
    pub const DISABLED: &str = "disabled";
    pub const ERASED: &str = "erased";
}

/// One user, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    pub user: UserId,
    /// Whom they are in the portal, if they are an end customer.
    pub customer: Option<CustomerId>,
    pub email: Sealed,
    pub name: Sealed,
    pub roles: Vec<String>,
    /// See [`status`].
    pub status: String,
    pub second_factor: bool,
    /// Version of the permissions.
    pub pv: i64,
    pub invited_at: DateTime<Utc>,
    pub joined_at: Option<DateTime<Utc>>,
    /// Of the stream, with the last event that the row tells of.
    pub version: i64,
}

/// The personal fields of one user, opened.
#[derive(Debug, Clone)]
pub struct Personal {
    pub email: SecretString,
    pub name: SecretString,
}

/// Keeps users.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserListProjector;

impl Projector for UserListProjector {
    const NAME: &'static str = "users";

    fn interest(&self) -> Interest {
        Interest::Types(&[User::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events = decode_all(events)?;
        let users: Vec<(i64, &UserEvent)> = events
            .iter()
            .filter_map(|(recorded, event)| match event {
                AnyEvent::User(event) => Some((recorded.sequence, event)),
                _ => None,
            })
            .collect();
        let ids = column(&users, |(_, event)| user_of(event).as_uuid());
        let found = by_id(tx, &ids).await?;
        let mut rows: BTreeMap<UserId, UserRow> = found.into_iter().map(|row| (row.user, row)).collect();
        for (version, event) in users {
            apply(&mut rows, event);
            if let Some(row) = rows.get_mut(&user_of(event)) {
                row.version = version;
            }
        }
        store(tx, &rows.into_values().collect::<Vec<_>>()).await
    }
}

const fn user_of(event: &UserEvent) -> UserId {
    match event {
        UserEvent::Invited(event) => event.user,
        UserEvent::Joined(event) => event.user,
        UserEvent::Renamed(event) => event.user,
        UserEvent::EmailChanged(event) => event.user,
        UserEvent::AccessChanged(event) => event.user,
        UserEvent::Disabled(event) => event.user,
        UserEvent::Enabled(event) => event.user,
        UserEvent::PasswordSet(event) => event.user,
        UserEvent::SecondFactorConfirmed(event) => event.user,
        UserEvent::SecondFactorRemoved(event) => event.user,
        UserEvent::RecoveryCodeUsed(event) => event.user,
        UserEvent::Erased(event) => event.user,
    }
}

fn apply(rows: &mut BTreeMap<UserId, UserRow>, event: &UserEvent) {
    if let UserEvent::Invited(invited) = event {
        let row = UserRow {
            user: invited.user,
            customer: match invited.kind {
                UserKind::Staff => None,
                UserKind::Portal { customer } => Some(customer),
            },
            email: invited.email.clone(),
            name: invited.name.clone(),
            roles: invited.roles.iter().map(ToString::to_string).collect(),
            status: status::INVITED.to_owned(),
            second_factor: false,
            pv: invited.pv.into(),
            invited_at: invited.at,
            joined_at: None,
            version: 0,
        };
        rows.insert(invited.user, row);
        return;
    }
    let Some(row) = rows.get_mut(&user_of(event)) else {
        return;
    };
    match event {
        UserEvent::Invited(_) | UserEvent::PasswordSet(_) | UserEvent::RecoveryCodeUsed(_) => {}
        UserEvent::Joined(joined) => {
            status::ACTIVE.clone_into(&mut row.status);
            row.joined_at = Some(joined.at);
        }
        UserEvent::Renamed(renamed) => row.name = renamed.name.clone(),
        UserEvent::EmailChanged(changed) => row.email = changed.email.clone(),
        UserEvent::Erased(_) => {
            status::ERASED.clone_into(&mut row.status);
            row.roles.clear();
            row.second_factor = false;
        }
        UserEvent::AccessChanged(changed) => {
            row.roles = changed.roles.iter().map(ToString::to_string).collect();
            row.pv = changed.pv.into();
        }
        UserEvent::Disabled(disabled) => {
            status::DISABLED.clone_into(&mut row.status);
            row.pv = disabled.pv.into();
        }
        UserEvent::Enabled(enabled) => {
            let before = if row.joined_at.is_some() {
                status::ACTIVE
            } else {
                status::INVITED
            };
            before.clone_into(&mut row.status);
            row.pv = enabled.pv.into();
        }
        UserEvent::SecondFactorConfirmed(_) => row.second_factor = true,
        UserEvent::SecondFactorRemoved(_) => row.second_factor = false,
    }
}

rows! {
    table: "users", order: "invited_at DESC, user_id DESC",
    columns: "user_id, customer_id, email, name, roles, status, second_factor, pv, invited_at, joined_at,
              version",
    UserRow = |row| UserRow {
        user: UserId::new(row.user_id),
        customer: row.customer_id.map(CustomerId::new),
        email: Sealed::new(row.email),
        name: Sealed::new(row.name),
        roles: row.roles,
        status: row.status,
        second_factor: row.second_factor,
        pv: row.pv,
        invited_at: row.invited_at,
        joined_at: row.joined_at,
        version: row.version,
    },
    one by "user_id": fn by_id,
}

sifted! {
    "users" by "user_id" as UserRow = |row| row.user.as_uuid(), newest: INVITED_AT,
    STATUS = "status": Kind::Text,
    ROLES = "roles": Kind::Texts,
    CUSTOMER = "customer_id": id!(CustomerId),
    SECOND_FACTOR = "second_factor": Kind::Flag,
    INVITED_AT = "invited_at": Kind::Instant,
    JOINED_AT = "joined_at": Kind::Instant,
}

async fn store(tx: &mut TenantTx, rows: &[UserRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    // An array of arrays must be rectangular: sets travel as JSON.
    sqlx::query!(
        "INSERT INTO users (tenant_id, user_id, customer_id, email, name, roles, status, second_factor, pv, invited_at,
                            joined_at, version)
         SELECT $1, u.id, u.customer, u.email, u.name, ARRAY(SELECT jsonb_array_elements_text(u.roles)), u.status,
                u.second_factor, u.pv, u.invited_at, u.joined_at, u.version
         FROM UNNEST($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::text[], $8::boolean[],
                     $9::bigint[], $10::timestamptz[], $11::timestamptz[], $12::bigint[])
              AS u (id, customer, email, name, roles, status, second_factor, pv, invited_at, joined_at, version)
         ON CONFLICT ON CONSTRAINT users_pkey DO UPDATE SET
             (customer_id, email, name, roles, status, second_factor, pv, invited_at, joined_at, version)
             = ROW (excluded.customer_id, excluded.email, excluded.name, excluded.roles, excluded.status,
                    excluded.second_factor, excluded.pv, excluded.invited_at, excluded.joined_at, excluded.version)",
        tenant.as_uuid(),
        &column(rows, |row| row.user.as_uuid()),
        &column(rows, |row| row.customer.map(CustomerId::as_uuid)) as &[Option<Uuid>],
        &column(rows, |row| row.email.as_str()) as &[&str],
        &column(rows, |row| row.name.as_str()) as &[&str],
        &column(rows, |row| Value::from(row.roles.clone())) as &[Value],
        &column(rows, |row| row.status.as_str()) as &[&str],
        &column(rows, |row| row.second_factor),
        &column(rows, |row| row.pv),
        &column(rows, |row| row.invited_at),
        &column(rows, |row| row.joined_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.version),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Searched for UserRow {
    async fn contain(
        tx: &mut TenantTx,
        vault: &Vault,
        rows: &[Self],
        term: &str,
    ) -> Result<Vec<bool>, QueryError> {
        let opened = open(tx, vault, rows).await?;
        let hits = opened
            .iter()
            .map(|opened| opened.as_ref().is_some_and(|opened| opened.contains(term)));
        Ok(hits.collect())
    }
}

/// Of those that pass, the users whose name or address contains a term, whatever its capitals.
pub async fn search(
    tx: &mut TenantTx,
    vault: &Vault,
    sift: &Sift,
    term: &str,
) -> Result<Sifted<UserRow>, QueryError> {
    sift::search(tx, vault, sift, term).await
}

/// Users by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[UserId]) -> Result<Vec<UserRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}

/// Opens the personal fields of users: one of each row, in their order, with one statement for all; nothing of whoever
/// is erased.
pub async fn open(
    tx: &mut TenantTx,
    vault: &Vault,
    rows: &[UserRow],
) -> Result<Vec<Option<Personal>>, StoreError> {
    let keys = vault
        .keyring(tx, &column(rows, |row| row.user.to_string()))
        .await?;
    rows.iter()
        .map(|row| unless_erased(open_fields(&keys, row)))
        .collect()
}

fn open_fields(keys: &Keyring, row: &UserRow) -> Result<Personal, StoreError> {
    let subject = row.user.to_string();
    Ok(Personal {
        email: keys.open(&subject, "email", &row.email)?,
        name: keys.open(&subject, "name", &row.name)?,
    })
}

impl Personal {
    /// Whether the name or the address contains a term in small letters.
    fn contains(&self, term: &str) -> bool {
        let has = |text: &SecretString| text.expose_secret().to_lowercase().contains(term);
        has(&self.name) || has(&self.email)
    }
}
