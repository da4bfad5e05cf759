//! Routers and how they are reached. Passwords stay sealed; whoever connects opens them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use simpul_domain::{
    AnyEvent, Decider, RouterId, Sealed,
    network::{Router, RouterAddress, RouterEvent},
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, Projector},
};

use crate::{
    Keyed, Position, QueryError,
    event::decode_all,
    rows::rows,
    stored::{column, json, read},
};

/// One router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterRow {
    pub router: RouterId,
    pub name: String,
    pub address: RouterAddress,
    pub username: String,
    pub password: Sealed,
    pub legacy_login: bool,
    pub serial: Option<String>,
    pub identity: Option<String>,
    pub os_version: Option<String>,
    /// The device at the address was replaced at the last identification.
    pub serial_changed: bool,
    pub identified_at: Option<DateTime<Utc>>,
    pub registered_at: DateTime<Utc>,
    pub retired_at: Option<DateTime<Utc>>,
    /// Of the stream, with the last event that the row tells of.
    pub version: i64,
}

/// Keeps routers.
#[derive(Debug, Clone, Copy, Default)]
pub struct RouterListProjector;

impl Projector for RouterListProjector {
    const NAME: &'static str = "routers";

    fn interest(&self) -> Interest {
        Interest::Types(&[Router::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events = decode_all(events)?;
        let routers: Vec<(i64, &RouterEvent)> = events
            .iter()
            .filter_map(|(recorded, event)| match event {
                AnyEvent::Router(event) => Some((recorded.sequence, event)),
                _ => None,
            })
            .collect();
        let ids = column(&routers, |(_, event)| router_of(event).as_uuid());
        let found = by_id(tx, &ids).await?;
        let mut rows: BTreeMap<RouterId, RouterRow> =
            found.into_iter().map(|row| (row.router, row)).collect();
        for (version, event) in routers {
            apply(&mut rows, event);
            if let Some(row) = rows.get_mut(&router_of(event)) {
                row.version = version;
            }
        }
        store(tx, &rows.into_values().collect::<Vec<_>>()).await
    }
}

fn router_of(event: &RouterEvent) -> RouterId {
    match event {
        RouterEvent::Registered(event) => event.router,
        RouterEvent::AddressChanged(event) => event.router,
        RouterEvent::Identified(event) => event.router,
        RouterEvent::Retired(event) => event.router,
    }
}

fn apply(rows: &mut BTreeMap<RouterId, RouterRow>, event: &RouterEvent) {
    if let RouterEvent::Registered(registered) = event {
        let row = RouterRow {
            router: registered.router,
            name: registered.name.clone(),
            address: registered.address.clone(),
            username: registered.username.clone(),
            password: registered.password.clone(),
            legacy_login: registered.legacy_login,
            serial: None,
            identity: None,
            os_version: None,
            serial_changed: false,
            identified_at: None,
            registered_at: registered.at,
            retired_at: None,
            version: 0,
        };
        rows.insert(registered.router, row);
        return;
    }
    let Some(row) = rows.get_mut(&router_of(event)) else {
        return;
    };
    match event {
        RouterEvent::Registered(_) => {}
        RouterEvent::AddressChanged(changed) => {
            (row.serial, row.identity, row.os_version, row.identified_at) = (None, None, None, None);
            row.address = changed.address.clone();
            row.username.clone_from(&changed.username);
            row.password = changed.password.clone();
        }
        RouterEvent::Identified(identified) => {
            row.serial.clone_from(&identified.serial);
            row.identity = Some(identified.identity.clone());
            row.os_version = Some(identified.version.clone());
            row.serial_changed = identified.serial_changed;
            row.identified_at = Some(identified.at);
        }
        RouterEvent::Retired(retired) => row.retired_at = Some(retired.at),
    }
}

rows! {
    table: "routers", key: "router_id", newest: "registered_at",
    columns: "router_id, name, address, username, password, legacy_login, serial, identity, os_version, serial_changed,
              identified_at, registered_at, retired_at, version",
    RouterRow = |row| RouterRow {
        router: RouterId::new(row.router_id),
        name: row.name,
        address: read("address", row.address)?,
        username: row.username,
        password: Sealed::new(row.password),
        legacy_login: row.legacy_login,
        serial: row.serial,
        identity: row.identity,
        os_version: row.os_version,
        serial_changed: row.serial_changed,
        identified_at: row.identified_at,
        registered_at: row.registered_at,
        retired_at: row.retired_at,
        version: row.version,
    },
    page:
        /// Routers, newest first; retired ones too unless `managed_only`.
        pub fn list(managed_only: bool) where "(NOT $5 OR retired_at IS NULL)" [managed_only],
    one by "router_id": fn by_id,
}

async fn store(tx: &mut TenantTx, rows: &[RouterRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO routers (tenant_id, router_id, name, address, username, password, legacy_login, serial, identity,
                              os_version, serial_changed, identified_at, registered_at, retired_at, version)
         SELECT $1, r.* FROM UNNEST($2::uuid[], $3::text[], $4::jsonb[], $5::text[], $6::text[], $7::boolean[],
                $8::text[], $9::text[], $10::text[], $11::boolean[], $12::timestamptz[], $13::timestamptz[],
                $14::timestamptz[], $15::bigint[]) AS r
         ON CONFLICT ON CONSTRAINT routers_pkey DO UPDATE SET
             (name, address, username, password, legacy_login, serial, identity, os_version, serial_changed,
              identified_at, registered_at, retired_at, version)
             = ROW (excluded.name, excluded.address, excluded.username, excluded.password, excluded.legacy_login,
                    excluded.serial, excluded.identity, excluded.os_version, excluded.serial_changed,
                    excluded.identified_at, excluded.registered_at, excluded.retired_at, excluded.version)",
        tenant.as_uuid(),
        &column(rows, |row| row.router.as_uuid()),
        &column(rows, |row| row.name.as_str()) as &[&str],
        &column(rows, |row| json(&row.address)) as &[Value],
        &column(rows, |row| row.username.as_str()) as &[&str],
        &column(rows, |row| row.password.as_str()) as &[&str],
        &column(rows, |row| row.legacy_login),
        &column(rows, |row| row.serial.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.identity.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.os_version.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.serial_changed),
        &column(rows, |row| row.identified_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.registered_at),
        &column(rows, |row| row.retired_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.version),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Keyed for RouterRow {
    fn position(&self) -> Position {
        Position {
            at: self.registered_at,
            id: self.router.as_uuid(),
        }
    }
}

/// Routers by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[RouterId]) -> Result<Vec<RouterRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}
