//! In: one transaction, proved before it is committed.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use simpul_domain::TenantId;
use uuid::Uuid;

use super::{
    Ending, FORMAT, Line, Moved, MovingError, Opening,
    tables::{CARRIED, Table},
};
use crate::{
    EventStore, audit,
    backup::aftermath,
    db::{TenantTx, dynamic, migrate},
};

/// Rows that are written at once, and how long their text may get.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 1024 * 1024;

/// Takes a tenant in from lines that `next` gives, and none when there are no more. Refused where the tenant is, or was.
/// `readers` are the subscribers here that act outside of the log: what happened elsewhere was acted upon there.
pub async fn import(
    store: &EventStore,
    readers: &[String],
    mut next: impl AsyncFnMut() -> std::io::Result<Option<String>>,
) -> Result<Moved, MovingError> {
    let first = next().await?.ok_or(MovingError::CutOff)?;
    let Ok(Line::Tenant(opening)) = serde_json::from_str(&first) else {
        return Err(MovingError::Format);
    };
    let mut arrival = Arrival::begin(store, &opening).await?;
    let mut line = 1;
    let ending = loop {
        line += 1;
        let text = next().await?.ok_or(MovingError::CutOff)?;
        let read = serde_json::from_str(&text).map_err(|source| MovingError::Unreadable { line, source })?;
        match read {
            Line::Row(row) => arrival.take(line, row.table, row.of.get()).await?,
            Line::End(ending) => break ending,
            Line::Tenant(_) => return Err(MovingError::Format),
        }
    };
    arrival.finish(store, readers, &ending).await
}

/// The tenant that a row says it is of.
#[derive(Debug, Deserialize)]
struct Owned {
    tenant_id: Uuid,
}

struct Arrival {
    tx: TenantTx,
    /// Of the rows that wait.
    table: Option<&'static Table>,
    waiting: Vec<String>,
    bytes: usize,
    rows: u64,
}

impl Arrival {
    async fn begin(store: &EventStore, opening: &Opening<'_>) -> Result<Self, MovingError> {
        if opening.format != FORMAT {
            return Err(MovingError::Format);
        }
        if opening.tenant == TenantId::PLATFORM {
            return Err(MovingError::Platform);
        }
        if opening.schema != migrate::fingerprint() {
            return Err(MovingError::Schema);
        }
        let mut tx = store.db().tenant_tx(opening.tenant).await?;
        dynamic::without_deadlines(&mut tx).await?;
        if is_here(&mut tx).await? {
            return Err(MovingError::Exists(opening.tenant));
        }
        store.vault().adopt(&mut tx, opening.key).await?;
        Ok(Self {
            tx,
            table: None,
            waiting: Vec::new(),
            bytes: 0,
            rows: 0,
        })
    }

    async fn take(&mut self, line: u64, table: &str, row: &str) -> Result<(), MovingError> {
        let Some(known) = CARRIED.iter().find(|known| known.name == table) else {
            let table = table.to_owned();
            return Err(MovingError::Table { line, table });
        };
        let owned: Owned =
            serde_json::from_str(row).map_err(|source| MovingError::Unreadable { line, source })?;
        if owned.tenant_id != self.tx.tenant().as_uuid() {
            return Err(MovingError::Foreign { line });
        }
        if self.table.is_none_or(|table| table.name != known.name)
            || self.waiting.len() >= BATCH
            || self.bytes >= BATCH_BYTES
        {
            self.write().await?;
        }
        self.table = Some(known);
        self.bytes += row.len();
        self.waiting.push(row.to_owned());
        Ok(())
    }

    async fn write(&mut self) -> Result<(), MovingError> {
        let Some(table) = self.table.filter(|_| !self.waiting.is_empty()) else {
            return Ok(());
        };
        let batch = format!("[{}]", self.waiting.join(","));
        let written = dynamic::write_rows(&mut self.tx, table.name, table.columns, &batch).await?;
        let wanted = self.waiting.len() as u64;
        if written != wanted {
            let what = if table.name == "directory" {
                taken(&mut self.tx, &batch).await?
            } else {
                table.name.to_owned()
            };
            return Err(MovingError::Taken { what });
        }
        self.rows += wanted;
        self.waiting.clear();
        self.bytes = 0;
        Ok(())
    }

    async fn finish(
        mut self,
        store: &EventStore,
        readers: &[String],
        ending: &Ending,
    ) -> Result<Moved, MovingError> {
        self.write().await?;
        let mut tx = self.tx;
        let sound = audit::verify_within(&mut tx).await??;
        let head = hex::encode(sound.head);
        if (self.rows, sound.seq, &head) != (ending.rows, ending.seq, &ending.head) {
            return Err(MovingError::CutOff);
        }
        aftermath::release(&mut tx).await?;
        aftermath::hold(&mut tx).await?;
        aftermath::distrust(&mut tx, store.now()).await?;
        place(&mut tx, readers, sound.seq, store.now()).await?;
        let tenant = tx.tenant();
        tx.commit().await?;
        Ok(Moved {
            tenant,
            seq: sound.seq,
            head,
            rows: self.rows,
        })
    }
}

/// Whether it has a log here, or left a tombstone.
async fn is_here(tx: &mut TenantTx) -> Result<bool, MovingError> {
    let tenant = tx.tenant().as_uuid();
    let here = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM es.tenant_heads WHERE tenant_id = $1)
               OR EXISTS (SELECT FROM es.tenant_keys WHERE tenant_id = $1) AS "here!""#,
        tenant
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(here)
}

/// Which names of a batch lead to somebody else here; row-level security shows only that they were not written.
async fn taken(tx: &mut TenantTx, batch: &str) -> Result<String, MovingError> {
    #[derive(Deserialize)]
    struct Name {
        kind: String,
        key: String,
    }
    let wanted: Vec<Name> =
        serde_json::from_str(batch).map_err(|source| MovingError::Unreadable { line: 0, source })?;
    let tenant = tx.tenant().as_uuid();
    let ours = sqlx::query!("SELECT kind, key FROM es.directory WHERE tenant_id = $1", tenant)
        .fetch_all(&mut **tx)
        .await?;
    let ours: BTreeSet<(String, String)> = ours.into_iter().map(|name| (name.kind, name.key)).collect();
    let mut others = wanted.into_iter().map(|name| (name.kind, name.key));
    let found = others.find(|name| !ours.contains(name));
    Ok(found.map_or_else(|| "directory".to_owned(), |(kind, key)| format!("{kind} {key}")))
}

/// Whoever acts outside here and did not there begins behind what has happened: it was acted upon.
async fn place(
    tx: &mut TenantTx,
    readers: &[String],
    seq: i64,
    now: DateTime<Utc>,
) -> Result<(), MovingError> {
    let tenant = tx.tenant().as_uuid();
    // Epochs are of the installation: whoever leads here has a higher one.
    sqlx::query!("UPDATE es.cursors SET epoch = 0 WHERE tenant_id = $1", tenant)
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "INSERT INTO es.cursors (tenant_id, subscriber, seq, epoch, updated_at)
         SELECT $1, r.name, $3, 0, $4 FROM unnest($2::text[]) AS r (name)
         ON CONFLICT ON CONSTRAINT cursors_pkey DO NOTHING",
        tenant,
        readers,
        seq,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
