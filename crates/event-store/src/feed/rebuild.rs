//! Rebuilding a read model while it is served: build version n+1 beside n, compare, swap; roll back by swapping
//! again.
//!
//! Every step may be repeated: a rebuild that was killed finds what it has built and goes on. Instances that run the
//! versions in state `building` help, because whoever holds the lease does the work and the cursor fences the
//! others. The old version keeps its rows and its cursor; before it is read again it catches up.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use simpul_domain::TenantId;
use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    ProjectionSettings, Projector,
    projection::{self, State},
    run_shards,
};
use crate::{Db, EventStore, StoreError, db::dynamic};

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Without any progress for this long, the rebuild gives up; it can be started again.
const STALL: Duration = Duration::from_mins(2);
/// What a rebuild did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    pub name: &'static str,
    /// Read before; kept for [`roll_back`].
    pub from: i32,
    /// Read now.
    pub version: i32,
    /// Rows of both versions over all tenants, counted before the swap.
    pub rows_before: i64,
    pub rows_after: i64,
}

/// Why a version did not go live. What was built stays and is used by the next try.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error("no version of projection {name} is live")]
    Unknown { name: &'static str },
    #[error("projection {name} has no earlier version")]
    NothingToRollBackTo { name: &'static str },
    /// Another rebuild of the same projection runs.
    #[error("projection {name} is being rebuilt already")]
    Busy { name: &'static str },
    /// An event halts the projector, or the store is away.
    #[error("{lag} events remain and none was handled for a while")]
    Stalled { lag: i64 },
    /// The new version cannot handle events that the live one can.
    #[error("the new version parks {parked} events, the live one {before}")]
    Poisoned { parked: i64, before: i64 },
    /// The live version has rows and the new one none.
    #[error("the new version is empty and the live one has {rows_before} rows")]
    Empty { rows_before: i64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for RebuildError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Builds the next version of a projection from the log and makes it the one that is read.
///
/// `owner_url` is the URL of the role that owns the schema; `progress` is told how many events remain.
pub async fn rebuild<P: Projector>(
    owner_url: &SecretString,
    store: &EventStore,
    projector: P,
    settings: impl Into<ProjectionSettings>,
    progress: impl FnMut(i64) + Send,
) -> Result<Rebuilt, RebuildError> {
    let settings = settings.into();
    let mut owner = exclusive(owner_url, P::NAME).await?;
    let (from, version) = prepare(&mut owner, store.db(), P::NAME).await?;
    build(store, projector, version, settings, progress).await?;
    let (rows_before, rows_after) = verify(store.db(), P::NAME, from, version).await?;
    swap(&mut owner, P::NAME, version).await?;
    release(owner).await?;
    Ok(Rebuilt {
        name: P::NAME,
        from,
        version,
        rows_before,
        rows_after,
    })
}

/// Makes the latest retired version the one that is read again, after it has caught up. Returns its number.
pub async fn roll_back<P: Projector>(
    owner_url: &SecretString,
    store: &EventStore,
    projector: P,
    settings: impl Into<ProjectionSettings>,
    progress: impl FnMut(i64) + Send,
) -> Result<i32, RebuildError> {
    let settings = settings.into();
    let mut owner = exclusive(owner_url, P::NAME).await?;
    let version = projection::versions(store.db())
        .await?
        .into_iter()
        .filter(|version| version.name == P::NAME && version.state == State::Retired)
        .map(|version| version.version)
        .max()
        .ok_or(RebuildError::NothingToRollBackTo { name: P::NAME })?;
    build(store, projector, version, settings, progress).await?;
    swap(&mut owner, P::NAME, version).await?;
    release(owner).await?;
    Ok(version)
}

/// Drops the versions that are not read any more, tables and cursors. Returns their numbers.
pub async fn drop_retired(
    owner_url: &SecretString,
    db: &Db,
    name: &'static str,
) -> Result<Vec<i32>, RebuildError> {
    let mut owner = exclusive(owner_url, name).await?;
    let mut dropped = Vec::new();
    for version in projection::versions(db).await? {
        if version.name != name || version.state != State::Retired {
            continue;
        }
        let done = sqlx::query_scalar!(
            r#"SELECT es.drop_read_model($1, $2) AS "done!""#,
            name,
            version.version
        )
        .fetch_one(&mut owner)
        .await?;
        if done {
            dropped.push(version.version);
        }
    }
    release(owner).await?;
    Ok(dropped)
}

/// The owner's connection, which holds the right to change this projection's versions until it closes.
async fn exclusive(owner_url: &SecretString, name: &'static str) -> Result<PgConnection, RebuildError> {
    let mut owner = PgConnection::connect(owner_url.expose_secret()).await?;
    if dynamic::try_advisory_lock(&mut owner, &format!("rebuild/{name}")).await? {
        Ok(owner)
    } else {
        Err(RebuildError::Busy { name })
    }
}

/// Gives the right back at once: the server ends a session some time after its client has gone.
async fn release(mut owner: PgConnection) -> Result<(), RebuildError> {
    dynamic::unlock_all(&mut owner).await?;
    Ok(owner.close().await?)
}

/// The live version and the one to build: what an earlier try has left, or a new one with empty tables.
async fn prepare(owner: &mut PgConnection, db: &Db, name: &'static str) -> Result<(i32, i32), RebuildError> {
    let versions: Vec<_> = projection::versions(db)
        .await?
        .into_iter()
        .filter(|version| version.name == name)
        .collect();
    let in_state = |state| {
        versions
            .iter()
            .filter(move |version| version.state == state)
            .map(|version| version.version)
            .max()
    };
    let live = in_state(State::Live).ok_or(RebuildError::Unknown { name })?;
    if let Some(building) = in_state(State::Building) {
        return Ok((live, building));
    }
    let next = 1 + versions
        .iter()
        .map(|version| version.version)
        .max()
        .unwrap_or(live);
    // Registered last: what a killed try has left of this number before that is erased here.
    sqlx::query!("SELECT es.erase_read_model($1, $2)", name, next)
        .execute(&mut *owner)
        .await?;
    sqlx::query!("SELECT es.clone_read_model($1, $2, $3)", name, live, next)
        .execute(&mut *owner)
        .await?;
    let mut tx = db.system_tx().await?;
    projection::register(&mut tx, name, next).await?;
    tx.commit().await?;
    Ok((live, next))
}

/// Runs the version, or lets the instance that leads run it, until it has caught up.
async fn build<P: Projector>(
    store: &EventStore,
    projector: P,
    version: i32,
    settings: ProjectionSettings,
    progress: impl FnMut(i64) + Send,
) -> Result<(), RebuildError> {
    let stop = CancellationToken::new();
    let subscriber = projection::subscriber(P::NAME, version);
    let watch = async {
        let caught_up = watch(store.db(), &subscriber, progress).await;
        stop.cancel();
        caught_up
    };
    let running = run_shards(store.clone(), projector, version, settings, stop.clone());
    let ((), caught_up) = tokio::join!(running, watch);
    caught_up
}

/// Waits until the version has reached every tenant's head as it was, twice: the second time is short, so that what
/// remains at the swap is what arrived meanwhile. Readers with a token wait for theirs.
async fn watch(db: &Db, subscriber: &str, mut progress: impl FnMut(i64) + Send) -> Result<(), RebuildError> {
    for _ in 0..2 {
        let (tenants, heads) = heads(db).await?;
        let mut best = i64::MAX;
        let mut moved = Instant::now();
        loop {
            let lag = behind(db, subscriber, &tenants, &heads).await?;
            progress(lag);
            if lag == 0 {
                break;
            }
            if lag < best {
                best = lag;
                moved = Instant::now();
            }
            if moved.elapsed() > STALL {
                return Err(RebuildError::Stalled { lag });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

async fn heads(db: &Db) -> Result<(Vec<Uuid>, Vec<i64>), RebuildError> {
    let mut tx = db.system_tx().await?;
    let rows = sqlx::query!("SELECT tenant_id, seq FROM es.tenant_heads ORDER BY tenant_id")
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(|row| (row.tenant_id, row.seq)).unzip())
}

async fn behind(db: &Db, subscriber: &str, tenants: &[Uuid], heads: &[i64]) -> Result<i64, RebuildError> {
    let mut tx = db.system_tx().await?;
    let lag = sqlx::query_scalar!(
        r#"SELECT coalesce(sum(greatest(h.seq - coalesce(c.seq, 0), 0)), 0)::bigint AS "lag!"
           FROM UNNEST($2::uuid[], $3::bigint[]) AS h (tenant_id, seq)
           LEFT JOIN es.cursors c ON c.tenant_id = h.tenant_id AND c.subscriber = $1"#,
        subscriber,
        tenants,
        heads
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(lag)
}

/// Refuses what cannot be right, whatever the new version means to change. Returns the rows of both.
async fn verify(db: &Db, name: &str, from: i32, version: i32) -> Result<(i64, i64), RebuildError> {
    let before = parked(db, &projection::subscriber(name, from)).await?;
    let parked = parked(db, &projection::subscriber(name, version)).await?;
    if parked > before {
        return Err(RebuildError::Poisoned { parked, before });
    }
    let (mut rows_before, mut rows_after) = (0, 0);
    for tenant in heads(db).await?.0 {
        let mut tx = db.tenant_tx(TenantId::new(tenant)).await?;
        let row = sqlx::query!(
            r#"SELECT es.count_read_model($1, $2) AS "before!", es.count_read_model($1, $3) AS "after!""#,
            name,
            from,
            version
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        rows_before += row.before;
        rows_after += row.after;
    }
    if rows_before > 0 && rows_after == 0 {
        return Err(RebuildError::Empty { rows_before });
    }
    Ok((rows_before, rows_after))
}

async fn parked(db: &Db, subscriber: &str) -> Result<i64, RebuildError> {
    let mut tx = db.system_tx().await?;
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM es.parked WHERE subscriber = $1"#,
        subscriber
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(count)
}

async fn swap(owner: &mut PgConnection, name: &str, version: i32) -> Result<(), RebuildError> {
    sqlx::query!("SELECT es.swap_read_model($1, $2)", name, version)
        .execute(owner)
        .await?;
    Ok(())
}
