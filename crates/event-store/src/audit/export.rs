//! A tenant's log as JSON Lines, for an auditor who has no access to the database, and the check of such a file.
//!
//! The first line says whose log it is and what head the chain had before the first event; then one line per event with
//! everything that was hashed, its hash and its head; the last line says how many there were and where the chain ends. A
//! file that was cut off has no last line. The check reads the file alone: it recomputes every hash and every link
//! (ADR 28).

use std::io::{BufRead, Write};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use simpul_domain::{EventId, TenantId};

use super::{
    Broken, Sound,
    chain::{Chain, Stored},
};
use crate::{EventStore, StoreError, db::TenantTx};

/// Version of the format.
const FORMAT: u32 = 1;

/// Which events: those recorded between two instants, and all that stand between them in the log, so that the chain has
/// no gap.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    pub from: Option<DateTime<Utc>>,
    /// Not itself.
    pub until: Option<DateTime<Utc>>,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    pub events: u64,
    /// Position of the last one; of the one before the first where there was none.
    pub last_seq: i64,
}

/// Why an export was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("cannot write the export")]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a file is not an unchanged export.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("cannot read the export")]
    File(#[from] std::io::Error),
    #[error("line {line} is not one of an export")]
    Malformed { line: usize },
    /// A file that begins in the middle of nothing: the head before the first event of a log follows from its tenant.
    #[error("the head before the first event is not that of the tenant's log")]
    Beginning,
    #[error(transparent)]
    Broken(#[from] Broken),
    /// Events are missing at the end, or the last line is of another export.
    #[error("the last line does not fit the events before it")]
    Ending,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "line")]
enum Line {
    Begin {
        format: u32,
        tenant: TenantId,
        exported_at: DateTime<Utc>,
        /// Position before the first event, and the head there.
        after_seq: i64,
        after_head: String,
    },
    Event(Box<EventLine>),
    End {
        events: u64,
        last_seq: i64,
        head: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct EventLine {
    tenant_seq: i64,
    event_id: EventId,
    aggregate_type: String,
    aggregate_id: String,
    sequence: i64,
    event_type: String,
    event_version: String,
    recorded_at: DateTime<Utc>,
    metadata: Value,
    payload: Value,
    event_hash: String,
    head: String,
}

impl From<&Stored> for EventLine {
    fn from(event: &Stored) -> Self {
        Self {
            tenant_seq: event.tenant_seq,
            event_id: EventId::new(event.event_id),
            aggregate_type: event.aggregate_type.clone(),
            aggregate_id: event.aggregate_id.clone(),
            sequence: event.sequence,
            event_type: event.event_type.clone(),
            event_version: event.event_version.clone(),
            recorded_at: event.recorded_at,
            metadata: event.metadata.clone(),
            payload: event.payload.clone(),
            event_hash: hex::encode(&event.event_hash),
            head: hex::encode(&event.head),
        }
    }
}

impl EventLine {
    fn stored(self) -> Option<Stored> {
        Some(Stored {
            tenant_seq: self.tenant_seq,
            aggregate_type: self.aggregate_type,
            aggregate_id: self.aggregate_id,
            sequence: self.sequence,
            event_type: self.event_type,
            event_version: self.event_version,
            payload: self.payload,
            metadata: self.metadata,
            event_id: self.event_id.as_uuid(),
            recorded_at: self.recorded_at,
            event_hash: hex::decode(self.event_hash).ok()?,
            head: hex::decode(self.head).ok()?,
        })
    }
}

/// Writes a tenant's events, page by page. What is appended meanwhile may be in it or not.
pub async fn export(
    store: &EventStore,
    tenant: TenantId,
    span: Span,
    out: &mut (impl Write + Send),
) -> Result<Exported, ExportError> {
    let mut tx = store.db().read_tx(tenant).await?;
    let (first, last) = bounds(&mut tx, span).await?;
    let before = head_at(&mut tx, first - 1).await?;
    tx.commit().await?;
    let mut head = before.unwrap_or_else(|| Chain::begin(tenant).head().to_vec());
    write(
        out,
        &Line::Begin {
            format: FORMAT,
            tenant,
            exported_at: store.now(),
            after_seq: first - 1,
            after_head: hex::encode(&head),
        },
    )?;
    let mut done = Exported {
        events: 0,
        last_seq: first - 1,
    };
    while done.last_seq < last {
        let mut tx = store.db().read_tx(tenant).await?;
        let page = super::page(&mut tx, done.last_seq).await?;
        tx.commit().await?;
        let wanted = page.iter().take_while(|event| event.tenant_seq <= last);
        let begun_at = done.last_seq;
        for event in wanted {
            write(out, &Line::Event(Box::new(event.into())))?;
            head.clone_from(&event.head);
            done.last_seq = event.tenant_seq;
            done.events += 1;
        }
        if done.last_seq == begun_at {
            break;
        }
    }
    let (events, last_seq, head) = (done.events, done.last_seq, hex::encode(head));
    write(
        out,
        &Line::End {
            events,
            last_seq,
            head,
        },
    )?;
    out.flush()?;
    Ok(done)
}

fn write(out: &mut impl Write, line: &Line) -> Result<(), ExportError> {
    let text = serde_json::to_string(line).map_err(StoreError::Unwritable)?;
    writeln!(out, "{text}")?;
    Ok(())
}

/// The first and the last position of a span; an empty one ends before it begins.
async fn bounds(tx: &mut TenantTx, span: Span) -> Result<(i64, i64), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let row = sqlx::query!(
        r#"SELECT min(tenant_seq) AS first, max(tenant_seq) AS last FROM es.events
           WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR recorded_at >= $2)
             AND ($3::timestamptz IS NULL OR recorded_at < $3)"#,
        tenant,
        span.from,
        span.until
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(row.first.zip(row.last).unwrap_or((1, 0)))
}

async fn head_at(tx: &mut TenantTx, seq: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(sqlx::query_scalar!(
        "SELECT head FROM es.events WHERE tenant_id = $1 AND tenant_seq = $2",
        tenant,
        seq
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Checks an exported file by itself: every hash, every link, its beginning and its end.
pub fn check(input: impl BufRead) -> Result<Sound, CheckError> {
    let mut lines = input.lines().enumerate();
    let mut next = || -> Result<Option<(usize, Line)>, CheckError> {
        let Some((index, text)) = lines.next() else {
            return Ok(None);
        };
        let line = index + 1;
        let parsed = serde_json::from_str(&text?).map_err(|_| CheckError::Malformed { line })?;
        Ok(Some((line, parsed)))
    };
    let Some((
        _,
        Line::Begin {
            format: FORMAT,
            tenant,
            after_seq,
            after_head,
            ..
        },
    )) = next()?
    else {
        return Err(CheckError::Malformed { line: 1 });
    };
    let mut chain = beginning(tenant, after_seq, &after_head)?;
    let mut counted = 0_u64;
    while let Some((number, line)) = next()? {
        match line {
            Line::Event(event) => {
                let stored = event.stored().ok_or(CheckError::Malformed { line: number })?;
                chain.check(&stored)?;
                counted += 1;
            }
            Line::End {
                events,
                last_seq,
                head,
            } => {
                let fits = events == counted && last_seq == chain.seq() && head == hex::encode(chain.head());
                return if fits && next()?.is_none() {
                    Ok(chain.sound())
                } else {
                    Err(CheckError::Ending)
                };
            }
            Line::Begin { .. } => return Err(CheckError::Malformed { line: number }),
        }
    }
    Err(CheckError::Ending)
}

fn beginning(tenant: TenantId, seq: i64, head: &str) -> Result<Chain, CheckError> {
    let bytes: Option<[u8; 32]> = hex::decode(head).ok().and_then(|bytes| bytes.try_into().ok());
    let head = bytes.ok_or(CheckError::Malformed { line: 1 })?;
    if seq < 0 || (seq == 0 && head != *Chain::begin(tenant).head()) {
        return Err(CheckError::Beginning);
    }
    Ok(Chain::resume(tenant, seq, head))
}
