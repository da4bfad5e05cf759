//! Anchors: all heads, written down where the database's superuser cannot change them.
//!
//! The file has one JSON object a line and is only appended to. Each line carries the hash of the line before, so
//! that keeping the last line somewhere else keeps all of them. What stands behind the last line feed was being written
//! when the process died: nobody was told of it, readers pass over it and the next anchor takes its place.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::TenantId;

use crate::{EventStore, StoreError, rounds::Round, store::canonical::digest_of};

/// Why anchors could not be written or compared.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    #[error("cannot use the anchor file")]
    File(#[from] io::Error),
    /// Somebody changed the file, or it is not one of ours.
    #[error("line {line} of the anchor file does not follow from the line before")]
    Malformed { line: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchored {
    pub tenants: usize,
    /// Hash of the new line, in hexadecimal digits: worth keeping elsewhere, such as in a signed mail.
    pub line_hash: String,
}

/// A log that is not what was anchored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log of {tenant} at {tenant_seq} is not what was anchored at {anchored_at}")]
pub struct Contradiction {
    pub tenant: TenantId,
    /// The first anchored position that differs; the change is at or before it.
    pub tenant_seq: i64,
    pub anchored_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    at: DateTime<Utc>,
    previous: String,
    heads: Vec<Head>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    tenant: TenantId,
    seq: i64,
    /// Hexadecimal digits.
    hash: String,
}

/// Appends the heads of all tenants to the file, creating it if need be, and waits until it is on disk.
pub async fn anchor(store: &EventStore, file: &Path) -> Result<Anchored, AnchorError> {
    let heads = heads(store).await?;
    let (at, file) = (store.now(), file.to_owned());
    tokio::task::spawn_blocking(move || append(&file, at, heads))
        .await
        .unwrap_or(Err(AnchorError::Store(StoreError::Aborted)))
}

/// The lock keeps two processes from following the same line.
fn append(file: &Path, at: DateTime<Utc>, heads: Vec<Head>) -> Result<Anchored, AnchorError> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(file)?;
    file.lock()?;
    let content = content(&mut file)?;
    let whole = whole_lines(&content);
    if whole.len() < content.len() {
        tracing::warn!(
            bytes = content.len() - whole.len(),
            "a line that was not written to its end is cut off"
        );
        file.set_len(u64::try_from(whole.len()).unwrap_or(u64::MAX))?;
    }
    let (_, previous) = lines(whole)?;
    let line = Line { at, previous, heads };
    let mut text = serde_json::to_string(&line).map_err(StoreError::Unwritable)?;
    let line_hash = hex::encode(digest_of(text.as_bytes()));
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(Anchored {
        tenants: line.heads.len(),
        line_hash,
    })
}

/// The text up to its last line feed.
fn whole_lines(text: &str) -> &str {
    text.rfind('\n')
        .and_then(|end| text.get(..=end))
        .unwrap_or_default()
}

fn content(file: &mut File) -> io::Result<String> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// When the last line was written; `None` when there is none, or no file.
pub async fn last_anchor(file: &Path) -> Result<Option<DateTime<Utc>>, AnchorError> {
    let (lines, _) = read(file).await?;
    Ok(lines.last().map(|line| line.at))
}

/// Anchors once in every hour. The file is the trace: whoever leads next goes on from its last line.
#[derive(Debug, Clone)]
pub struct Anchoring {
    store: EventStore,
    file: PathBuf,
}

impl Anchoring {
    pub const fn new(store: EventStore, file: PathBuf) -> Self {
        Self { store, file }
    }
}

impl Round for Anchoring {
    type Error = AnchorError;

    fn name(&self) -> &'static str {
        "round/anchor"
    }

    async fn last(&self) -> Result<Option<DateTime<Utc>>, AnchorError> {
        last_anchor(&self.file).await
    }

    async fn make(&self) -> Result<(), AnchorError> {
        let anchored = anchor(&self.store, &self.file).await?;
        tracing::info!(
            tenants = anchored.tenants,
            line_hash = anchored.line_hash,
            "heads anchored"
        );
        Ok(())
    }
}

/// Compares the database with every anchor. Together with [`super::verify`], which proves each log consistent in
/// itself, the latest anchor of a tenant proves everything before it.
pub async fn verify_anchors(store: &EventStore, file: &Path) -> Result<Vec<Contradiction>, AnchorError> {
    let (lines, _) = read(file).await?;
    let mut anchors: BTreeMap<TenantId, Vec<(DateTime<Utc>, Head)>> = BTreeMap::new();
    for line in lines {
        for head in line.heads {
            anchors.entry(head.tenant).or_default().push((line.at, head));
        }
    }
    let mut found = Vec::new();
    for (tenant, anchors) in anchors {
        let Some((_, latest)) = anchors.last() else {
            continue;
        };
        if stands(store, latest).await? {
            continue;
        }
        // Something differs: the oldest anchor that does is nearest to the change.
        for (anchored_at, head) in &anchors {
            if !stands(store, head).await? {
                found.push(Contradiction {
                    tenant,
                    tenant_seq: head.seq,
                    anchored_at: *anchored_at,
                });
                break;
            }
        }
    }
    Ok(found)
}

/// The lines, and the hash of the last one.
async fn read(file: &Path) -> Result<(Vec<Line>, String), AnchorError> {
    let text = match tokio::fs::read_to_string(file).await {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    lines(whole_lines(&text))
}

fn lines(text: &str) -> Result<(Vec<Line>, String), AnchorError> {
    let mut previous = String::new();
    let mut lines = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let line = serde_json::from_str(text)
            .ok()
            .filter(|line: &Line| line.previous == previous)
            .ok_or(AnchorError::Malformed { line: index + 1 })?;
        previous = hex::encode(digest_of(text.as_bytes()));
        lines.push(line);
    }
    Ok((lines, previous))
}

async fn heads(store: &EventStore) -> Result<Vec<Head>, StoreError> {
    let mut tx = store.db().system_tx().await?;
    let rows =
        sqlx::query!("SELECT tenant_id, seq, head FROM es.tenant_heads WHERE seq > 0 ORDER BY tenant_id")
            .fetch_all(&mut *tx)
            .await?;
    tx.commit().await?;
    let heads = rows.into_iter().map(|row| Head {
        tenant: TenantId::new(row.tenant_id),
        seq: row.seq,
        hash: hex::encode(row.head),
    });
    Ok(heads.collect())
}

/// Whether the event at the anchored position still has the anchored head.
async fn stands(store: &EventStore, anchored: &Head) -> Result<bool, StoreError> {
    let mut tx = store.db().read_tx(anchored.tenant).await?;
    let head = sqlx::query_scalar!(
        "SELECT head FROM es.events WHERE tenant_id = $1 AND tenant_seq = $2",
        anchored.tenant.as_uuid(),
        anchored.seq
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(head.is_some_and(|head| hex::encode(head) == anchored.hash))
}
