//! Roles that tenants made.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use simpul_domain::{
    AnyEvent, Decider, RoleId,
    identity::{Role, RoleEvent},
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, Projector},
};

use crate::{Keyed, Position, QueryError, event::decode_all, rows::rows, stored::column};

/// One role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRow {
    pub role: RoleId,
    pub name: String,
    pub permissions: Vec<String>,
    pub defined_at: DateTime<Utc>,
    pub retired_at: Option<DateTime<Utc>>,
    /// Of the stream, with the last event that the row tells of.
    pub version: i64,
}

/// Keeps roles.
#[derive(Debug, Clone, Copy, Default)]
pub struct RoleListProjector;

impl Projector for RoleListProjector {
    const NAME: &'static str = "roles";

    fn interest(&self) -> Interest {
        Interest::Types(&[Role::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events = decode_all(events)?;
        let roles: Vec<(i64, &RoleEvent)> = events
            .iter()
            .filter_map(|(recorded, event)| match event {
                AnyEvent::Role(event) => Some((recorded.sequence, event)),
                _ => None,
            })
            .collect();
        let ids = column(&roles, |(_, event)| role_of(event).as_uuid());
        let found = by_id(tx, &ids).await?;
        let mut rows: BTreeMap<RoleId, RoleRow> = found.into_iter().map(|row| (row.role, row)).collect();
        for (version, event) in roles {
            apply(&mut rows, event);
            if let Some(row) = rows.get_mut(&role_of(event)) {
                row.version = version;
            }
        }
        store(tx, &rows.into_values().collect::<Vec<_>>()).await
    }
}

const fn role_of(event: &RoleEvent) -> RoleId {
    match event {
        RoleEvent::Defined(event) => event.role,
        RoleEvent::Changed(event) => event.role,
        RoleEvent::Retired(event) => event.role,
    }
}

fn apply(rows: &mut BTreeMap<RoleId, RoleRow>, event: &RoleEvent) {
    match event {
        RoleEvent::Defined(defined) => {
            let row = RoleRow {
                role: defined.role,
                name: defined.name.clone(),
                permissions: defined.permissions.iter().map(ToString::to_string).collect(),
                defined_at: defined.at,
                retired_at: None,
                version: 0,
            };
            rows.insert(defined.role, row);
        }
        RoleEvent::Changed(changed) => {
            if let Some(row) = rows.get_mut(&changed.role) {
                row.name.clone_from(&changed.name);
                row.permissions = changed.permissions.iter().map(ToString::to_string).collect();
            }
        }
        RoleEvent::Retired(retired) => {
            if let Some(row) = rows.get_mut(&retired.role) {
                row.retired_at = Some(retired.at);
            }
        }
    }
}

rows! {
    table: "roles", key: "role_id", newest: "defined_at",
    columns: "role_id, name, permissions, defined_at, retired_at, version",
    RoleRow = |row| RoleRow {
        role: RoleId::new(row.role_id),
        name: row.name,
        permissions: row.permissions,
        defined_at: row.defined_at,
        retired_at: row.retired_at,
        version: row.version,
    },
    page:
        /// Roles, newest first, retired ones too.
        pub fn list(),
    one by "role_id": fn by_id,
}

async fn store(tx: &mut TenantTx, rows: &[RoleRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    // An array of arrays must be rectangular: sets travel as JSON.
    sqlx::query!(
        "INSERT INTO roles (tenant_id, role_id, name, permissions, defined_at, retired_at, version)
         SELECT $1, r.id, r.name, ARRAY(SELECT jsonb_array_elements_text(r.permissions)), r.defined_at, r.retired_at,
                r.version
         FROM UNNEST($2::uuid[], $3::text[], $4::jsonb[], $5::timestamptz[], $6::timestamptz[], $7::bigint[])
              AS r (id, name, permissions, defined_at, retired_at, version)
         ON CONFLICT ON CONSTRAINT roles_pkey DO UPDATE SET
             (name, permissions, defined_at, retired_at, version)
             = ROW (excluded.name, excluded.permissions, excluded.defined_at, excluded.retired_at, excluded.version)",
        tenant.as_uuid(),
        &column(rows, |row| row.role.as_uuid()),
        &column(rows, |row| row.name.as_str()) as &[&str],
        &column(rows, |row| Value::from(row.permissions.clone())) as &[Value],
        &column(rows, |row| row.defined_at),
        &column(rows, |row| row.retired_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.version),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Keyed for RoleRow {
    fn position(&self) -> Position {
        Position {
            at: self.defined_at,
            id: self.role.as_uuid(),
        }
    }
}

/// Roles by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[RoleId]) -> Result<Vec<RoleRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}
