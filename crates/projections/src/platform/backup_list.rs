//! Backups of the whole store, as the platform's log tells of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    AnyEvent, BackupId, Decider as _,
    platform::{Backup, BackupEvent},
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, Projector},
};

use crate::{
    Keyed, Position, QueryError,
    event::decode_all,
    rows::rows,
    stored::{column, read, word},
};

/// Where a backup stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BackupState {
    Made,
    Failed,
    /// Read back, byte for byte.
    Verified,
    /// The store was made from it.
    Restored,
    /// Removed by the retention.
    Expired,
}

/// One backup, or one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRow {
    pub backup: BackupId,
    pub state: BackupState,
    /// Nothing for a try that failed.
    pub name: Option<String>,
    /// The instant that it shows; of one that failed, when it did.
    pub taken_at: DateTime<Utc>,
    pub size_bytes: Option<i64>,
    pub events: Option<i64>,
    /// Why it failed.
    pub reason: Option<String>,
    pub verified_at: Option<DateTime<Utc>>,
    pub restored_at: Option<DateTime<Utc>>,
}

/// Keeps backups.
#[derive(Debug, Clone, Copy, Default)]
pub struct BackupListProjector;

type Rows = BTreeMap<BackupId, BackupRow>;

impl Projector for BackupListProjector {
    const NAME: &'static str = "backups";

    fn interest(&self) -> Interest {
        Interest::Types(&[Backup::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let decoded = decode_all(events)?;
        let backups: Vec<&BackupEvent> = decoded
            .iter()
            .filter_map(|(_, event)| match event {
                AnyEvent::Backup(event) => Some(event),
                _ => None,
            })
            .collect();
        let ids = column(&backups, |event| backup_of(event).as_uuid());
        let found = by_id(tx, &ids).await?;
        let mut rows: Rows = found.into_iter().map(|row| (row.backup, row)).collect();
        for event in backups {
            apply(&mut rows, event);
        }
        store(tx, &rows.into_values().collect::<Vec<_>>()).await
    }
}

const fn backup_of(event: &BackupEvent) -> BackupId {
    match event {
        BackupEvent::Made(event) => event.backup,
        BackupEvent::Failed(event) => event.backup,
        BackupEvent::Verified(event) => event.backup,
        BackupEvent::Restored(event) => event.backup,
        BackupEvent::Expired(event) => event.backup,
    }
}

fn apply(rows: &mut Rows, event: &BackupEvent) {
    let backup = backup_of(event);
    let new = |state, taken_at| BackupRow {
        backup,
        state,
        name: None,
        taken_at,
        size_bytes: None,
        events: None,
        reason: None,
        verified_at: None,
        restored_at: None,
    };
    match event {
        BackupEvent::Made(made) => {
            let row = BackupRow {
                name: Some(made.name.clone()),
                size_bytes: i64::try_from(made.size_bytes).ok(),
                events: i64::try_from(made.events).ok(),
                ..new(BackupState::Made, made.taken_at)
            };
            rows.insert(backup, row);
        }
        BackupEvent::Failed(failed) => {
            let row = BackupRow {
                reason: Some(failed.reason.clone()),
                ..new(BackupState::Failed, failed.at)
            };
            rows.insert(backup, row);
        }
        BackupEvent::Restored(restored) => {
            let row = rows
                .entry(backup)
                .or_insert_with(|| new(BackupState::Restored, restored.taken_at));
            row.state = BackupState::Restored;
            row.name = Some(restored.name.clone());
            row.restored_at = Some(restored.at);
        }
        BackupEvent::Verified(verified) => {
            if let Some(row) = rows.get_mut(&backup) {
                row.state = BackupState::Verified;
                row.verified_at = Some(verified.at);
            }
        }
        BackupEvent::Expired(_) => {
            if let Some(row) = rows.get_mut(&backup) {
                row.state = BackupState::Expired;
            }
        }
    }
}

rows! {
    table: "backups", key: "backup_id", newest: "taken_at",
    columns: "backup_id, status, name, taken_at, size_bytes, events, reason, verified_at, restored_at",
    BackupRow = |row| BackupRow {
        backup: BackupId::new(row.backup_id),
        state: read("status", row.status)?,
        name: row.name,
        taken_at: row.taken_at,
        size_bytes: row.size_bytes,
        events: row.events,
        reason: row.reason,
        verified_at: row.verified_at,
        restored_at: row.restored_at,
    },
    page:
        /// Backups and tries, newest first.
        pub fn list(),
    one by "backup_id": fn by_id,
}

async fn store(tx: &mut TenantTx, rows: &[BackupRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO backups (tenant_id, backup_id, status, name, taken_at, size_bytes, events, reason, verified_at,
                              restored_at)
         SELECT $1, b.* FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::bigint[],
             $8::text[], $9::timestamptz[], $10::timestamptz[]) AS b
         ON CONFLICT ON CONSTRAINT backups_pkey DO UPDATE SET
             (status, name, taken_at, size_bytes, events, reason, verified_at, restored_at)
             = ROW (excluded.status, excluded.name, excluded.taken_at, excluded.size_bytes, excluded.events,
                    excluded.reason, excluded.verified_at, excluded.restored_at)",
        tenant.as_uuid(),
        &column(rows, |row| row.backup.as_uuid()),
        &column(rows, |row| word(&row.state)),
        &column(rows, |row| row.name.clone()) as &[Option<String>],
        &column(rows, |row| row.taken_at),
        &column(rows, |row| row.size_bytes) as &[Option<i64>],
        &column(rows, |row| row.events) as &[Option<i64>],
        &column(rows, |row| row.reason.clone()) as &[Option<String>],
        &column(rows, |row| row.verified_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.restored_at) as &[Option<DateTime<Utc>>],
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Keyed for BackupRow {
    fn position(&self) -> Position {
        Position {
            at: self.taken_at,
            id: self.backup.as_uuid(),
        }
    }
}

/// Backups by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[BackupId]) -> Result<Vec<BackupRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}
