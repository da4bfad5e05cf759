//! Access facts of the command bus: what is switched on for a tenant, and what an actor may do.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use simpul_domain::{CommandId, CustomerId, SessionId, TenantId, UserId};
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{Db, EventStore, StoreError, db::TenantTx};

/// A tenant's switches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantAccess {
    /// Read-only except paying.
    pub panel_locked: bool,
    /// Deactivated or deleted.
    pub disabled: bool,
    pub features: Vec<String>,
}

/// What the bus knows before it runs a command.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Gate {
    pub(crate) known: bool,
    pub(crate) access: TenantAccess,
    pub(crate) permissions: Vec<String>,
    pub(crate) earlier: Option<Earlier>,
    /// Wrapped; nothing where it was not made yet.
    pub(crate) tenant_key: Option<Vec<u8>>,
    /// Of the subject that was asked about, wrapped; nothing where it was not made yet or is destroyed.
    pub(crate) subject_key: Option<Vec<u8>>,
}

/// What the bus asks before a command that is new, as it was when the request began.
#[derive(Debug, Clone)]
pub struct Admitted {
    pub(crate) caller: Caller,
    pub(crate) gate: Gate,
}

/// The record of a command that has had its effect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Earlier {
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) last_seq: i64,
    pub(crate) answer: Value,
}

/// One call: switches, permissions, the answer if the command is a repeat, and the keys of a subject of the vault.
pub(crate) async fn gate(
    db: &Db,
    tenant: TenantId,
    actor: Option<UserId>,
    command: CommandId,
    subject: Option<&str>,
) -> Result<Gate, StoreError> {
    let mut connection = db.autocommit().await?;
    let row = sqlx::query!(
        r#"SELECT known AS "known!", panel_locked AS "panel_locked!", disabled AS "disabled!",
                  features AS "features!", permissions AS "permissions!", fingerprint, last_seq, answer, tenant_key,
                  subject_key
           FROM es.gate($1, $2, $3, $4)"#,
        tenant.as_uuid(),
        actor.map_or(Uuid::nil(), UserId::as_uuid),
        command.as_uuid(),
        subject
    )
    .fetch_one(&mut *connection)
    .await?;
    connection.done();
    let earlier = match (row.fingerprint, row.last_seq, row.answer) {
        (Some(fingerprint), Some(last_seq), Some(answer)) => Some(Earlier {
            fingerprint,
            last_seq,
            answer,
        }),
        _ => None,
    };
    Ok(Gate {
        known: row.known,
        access: TenantAccess {
            panel_locked: row.panel_locked,
            disabled: row.disabled,
            features: row.features,
        },
        permissions: row.permissions,
        earlier,
        tenant_key: row.tenant_key,
        subject_key: row.subject_key,
    })
}

/// Sets the switches of the transaction's tenant.
pub async fn set_tenant(tx: &mut TenantTx, facts: &TenantAccess) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.access_tenants (tenant_id, panel_locked, disabled, features) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT access_tenants_pkey DO UPDATE
         SET panel_locked = excluded.panel_locked, disabled = excluded.disabled, features = excluded.features",
        tenant.as_uuid(),
        facts.panel_locked,
        facts.disabled,
        &facts.features
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether a feature is switched on for the transaction's tenant.
pub async fn has_feature(tx: &mut TenantTx, feature: &str) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM es.access_tenants WHERE tenant_id = $1 AND $2 = ANY(features)) AS "has!""#,
        tenant.as_uuid(),
        feature
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Sets an actor's permissions; an older version changes nothing.
pub async fn set_actor(
    tx: &mut TenantTx,
    actor: UserId,
    permissions: &[String],
    version: i64,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.access_actors AS a (tenant_id, actor, permissions, version) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT access_actors_pkey DO UPDATE
         SET permissions = excluded.permissions, version = excluded.version WHERE a.version < excluded.version",
        tenant.as_uuid(),
        actor.as_uuid(),
        permissions,
        version
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Users who hold a permission now, in the order of their ids.
pub async fn holders(tx: &mut TenantTx, permission: &str) -> Result<Vec<UserId>, StoreError> {
    let tenant = tx.tenant();
    let holders = sqlx::query_scalar!(
        "SELECT actor FROM es.access_actors WHERE tenant_id = $1 AND $2 = ANY(permissions) ORDER BY actor",
        tenant.as_uuid(),
        permission
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(holders.into_iter().map(UserId::new).collect())
}

/// Makes an actor, which has its permissions already, use the portal as a customer; `None` ends that.
pub async fn link_customer(
    tx: &mut TenantTx,
    actor: UserId,
    customer: Option<CustomerId>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.access_actors SET customer_id = $3 WHERE tenant_id = $1 AND actor = $2",
        tenant.as_uuid(),
        actor.as_uuid(),
        customer.map(CustomerId::as_uuid)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Sets the maximum of a counted limit. An existing excess stays: reads work, creates are refused.
pub async fn set_quota_max(tx: &mut TenantTx, resource: &str, max: Option<i64>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.quotas (tenant_id, resource, used, max) VALUES ($1, $2, 0, $3)
         ON CONFLICT ON CONSTRAINT quotas_pkey DO UPDATE SET max = excluded.max",
        tenant.as_uuid(),
        resource,
        max
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller {
    pub tenant: TenantId,
    pub actor: UserId,
    pub session: Option<SessionId>,
}

/// Where somebody stands who is not running a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The tenant is deactivated or deleted, or nobody has heard of it.
    pub disabled: bool,
    pub permissions: Vec<String>,
    /// Version of the permissions; 0 for whoever is not known here.
    pub version: i64,
    /// The session that was asked about is the actor's and not over. True where none was asked about.
    pub session_open: bool,
    /// What is switched on for the tenant.
    pub features: Vec<String>,
    /// As whom the actor uses the portal.
    pub customer: Option<CustomerId>,
    /// Who acts in the actor's place in the session, and in which session of their own.
    pub impersonator: Option<(UserId, Option<SessionId>)>,
}

/// Where an actor stands in the transaction's tenant, whatever their session is.
pub async fn standing(tx: &mut TenantTx, actor: UserId) -> Result<Standing, StoreError> {
    standing_in(tx, actor, None, DateTime::UNIX_EPOCH).await
}

/// Where an actor stands in the transaction's tenant, in a session if they have one.
pub async fn standing_in(
    tx: &mut TenantTx,
    actor: UserId,
    session: Option<SessionId>,
    now: DateTime<Utc>,
) -> Result<Standing, StoreError> {
    let tenant = tx.tenant();
    select_standing(tx, tenant, actor, session, now).await
}

/// The same in one round trip, without a transaction around it.
pub async fn standing_of(store: &EventStore, caller: Caller) -> Result<Standing, StoreError> {
    let Caller {
        tenant,
        actor,
        session,
    } = caller;
    let mut connection = store.db().reading().await?;
    let standing = select_standing(&mut connection, tenant, actor, session, store.now()).await?;
    connection.done();
    Ok(standing)
}

/// Like [`standing_of`], for callers of one tenant that are about to run a command: with what the bus asks before it. In
/// their order; who is of another tenant stands nowhere.
pub async fn standings_at_gate(
    store: &EventStore,
    tenant: TenantId,
    callers: &[Caller],
) -> Result<Vec<(Standing, Admitted)>, StoreError> {
    let actors: Vec<Uuid> = callers.iter().map(|caller| caller.actor.as_uuid()).collect();
    let sessions: Vec<Option<Uuid>> = callers
        .iter()
        .map(|caller| caller.session.map(SessionId::as_uuid))
        .collect();
    let subjects: Vec<String> = callers.iter().map(|caller| caller.actor.to_string()).collect();
    let mut connection = store.db().reading().await?;
    let found = sqlx::query_as!(
        Found,
        r#"SELECT place AS "place!", disabled AS "disabled!", features AS "features!", permissions AS "permissions!",
                  version AS "version!", session_open AS "session_open!", customer_id, impersonator, impersonator_session,
                  panel_locked AS "panel_locked!", tenant_key, subject_key
           FROM es.standings_at_gate($1, $2, $3, $4, $5)"#,
        tenant.as_uuid(),
        &actors,
        &sessions as &[Option<Uuid>],
        &subjects,
        store.now()
    )
    .fetch_all(&mut *connection)
    .await?;
    connection.done();
    let found = in_their_order(tenant, callers, found);
    let stands = |(found, &caller): (Option<Found>, &Caller)| {
        let gate = found.as_ref().map(Found::gate).unwrap_or_default();
        (Standing::found(found), Admitted { caller, gate })
    };
    Ok(found.zip(callers).map(stands).collect())
}

/// From the rows of `es.standings_in_read_models`, in the order of the callers; who is of another tenant stands nowhere.
pub(crate) fn standings_of(
    tenant: TenantId,
    callers: &[Caller],
    rows: &[PgRow],
) -> Result<Vec<Standing>, sqlx::Error> {
    let found = rows.iter().map(Found::read).collect::<Result<_, _>>()?;
    Ok(in_their_order(tenant, callers, found)
        .map(Standing::found)
        .collect())
}

/// What was found of each caller, if it is one of the tenant's.
fn in_their_order(
    tenant: TenantId,
    callers: &[Caller],
    found: Vec<Found>,
) -> impl Iterator<Item = Option<Found>> {
    let mut found: HashMap<i64, Found> = found.into_iter().map(|found| (found.place, found)).collect();
    (1..)
        .zip(callers)
        .map(move |(place, caller)| found.remove(&place).filter(|_| caller.tenant == tenant))
}

async fn select_standing(
    connection: &mut PgConnection,
    tenant: TenantId,
    actor: UserId,
    session: Option<SessionId>,
    now: DateTime<Utc>,
) -> Result<Standing, StoreError> {
    let found = sqlx::query_as!(
        Found,
        r#"SELECT 1::bigint AS "place!", disabled AS "disabled!", features AS "features!", permissions AS "permissions!",
                  version AS "version!", session_open AS "session_open!", customer_id, impersonator, impersonator_session,
                  false AS "panel_locked!", NULL::bytea AS tenant_key, NULL::bytea AS subject_key
           FROM es.standing($1, $2, $3, $4)"#,
        tenant.as_uuid(),
        actor.as_uuid(),
        session.map(SessionId::as_uuid),
        now
    )
    .fetch_optional(connection)
    .await?;
    Ok(Standing::found(found))
}

/// What the functions of the database tell of a caller.
struct Found {
    /// In the question, from 1 on.
    place: i64,
    disabled: bool,
    features: Vec<String>,
    permissions: Vec<String>,
    version: i64,
    session_open: bool,
    customer_id: Option<Uuid>,
    impersonator: Option<Uuid>,
    impersonator_session: Option<Uuid>,
    panel_locked: bool,
    tenant_key: Option<Vec<u8>>,
    subject_key: Option<Vec<u8>>,
}

impl Found {
    /// Of who only reads.
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            place: row.try_get("place")?,
            disabled: row.try_get("disabled")?,
            features: row.try_get("features")?,
            permissions: row.try_get("permissions")?,
            version: row.try_get("version")?,
            session_open: row.try_get("session_open")?,
            customer_id: row.try_get("customer_id")?,
            impersonator: row.try_get("impersonator")?,
            impersonator_session: row.try_get("impersonator_session")?,
            panel_locked: false,
            tenant_key: None,
            subject_key: None,
        })
    }

    fn gate(&self) -> Gate {
        Gate {
            known: true,
            access: TenantAccess {
                panel_locked: self.panel_locked,
                disabled: self.disabled,
                features: self.features.clone(),
            },
            permissions: self.permissions.clone(),
            earlier: None,
            tenant_key: self.tenant_key.clone(),
            subject_key: self.subject_key.clone(),
        }
    }
}

impl From<Found> for Standing {
    fn from(found: Found) -> Self {
        let session = found.impersonator_session.map(SessionId::new);
        Self {
            disabled: found.disabled,
            permissions: found.permissions,
            version: found.version,
            session_open: found.session_open,
            features: found.features,
            customer: found.customer_id.map(CustomerId::new),
            impersonator: found.impersonator.map(|user| (UserId::new(user), session)),
        }
    }
}

impl Standing {
    /// In a tenant that nobody has heard of.
    fn nowhere() -> Self {
        Self {
            disabled: true,
            ..Self::default()
        }
    }

    fn found(found: Option<Found>) -> Self {
        found.map_or_else(Self::nowhere, Self::from)
    }
}
