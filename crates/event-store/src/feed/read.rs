//! Reading read models, never silently old: whoever brings a token waits until it is reached, or is told.

use std::time::Duration;

use simpul_domain::{Code, Coded, TenantId};
use tokio::time::Instant;

use crate::{
    ConsistencyToken, EventStore, StoreError,
    db::{Plans, TenantTx},
};

/// How long a read waits for its token (DESIGN section 5).
const MAX_WAIT: Duration = Duration::from_secs(2);
/// How long it waits for word from a projector of this process before it looks by itself.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_millis(25);

/// Why a read model could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The read model has not reached the token in time; the command that gave it stands.
    #[error("the answer is not up to date yet")]
    Stale,
    /// The token belongs to another tenant.
    #[error("the consistency token belongs to another tenant")]
    ForeignToken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for ReadError {
    fn code(&self) -> Code {
        match self {
            Self::Stale => Code::StaleRead,
            Self::ForeignToken => Code::TenantMismatch,
            Self::Store(error) => error.code(),
        }
    }
}

/// A transaction of the tenant whose unqualified names are the live versions of `projections`, at least as new as
/// `token`. For lists: their statements are planned for what is asked.
pub async fn read_at(
    store: &EventStore,
    tenant: TenantId,
    projections: &[&str],
    token: Option<ConsistencyToken>,
) -> Result<TenantTx, ReadError> {
    open(store, tenant, projections, token, Plans::Asked).await
}

/// Like [`read_at`], for rows by their ids, which need no plan of their own.
pub async fn look_up_at(
    store: &EventStore,
    tenant: TenantId,
    projections: &[&str],
    token: Option<ConsistencyToken>,
) -> Result<TenantTx, ReadError> {
    open(store, tenant, projections, token, Plans::Once).await
}

async fn open(
    store: &EventStore,
    tenant: TenantId,
    projections: &[&str],
    token: Option<ConsistencyToken>,
    plans: Plans,
) -> Result<TenantTx, ReadError> {
    let wanted = match token {
        None => 0,
        Some(token) if token.tenant == tenant => token.seq,
        Some(_) => return Err(ReadError::ForeignToken),
    };
    if wanted == 0 {
        return Ok(store.db().read_models_tx(tenant, projections, plans).await?);
    }
    let deadline = Instant::now() + MAX_WAIT;
    let mut pause = FIRST_PAUSE;
    let mut progress = store.progress().listen();
    if progress.is_behind(tenant, projections, wanted) {
        progress.reached(tenant, projections, wanted, pause).await;
    }
    loop {
        let mut tx = store.db().read_tx(tenant).await?;
        if enter(&mut tx, projections, plans).await? >= wanted {
            return Ok(tx);
        }
        tx.rollback().await?;
        if Instant::now() + pause > deadline {
            return Err(ReadError::Stale);
        }
        progress.reached(tenant, projections, wanted, pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// Does what `Db::read_models_tx` begins with, and returns the position that all of them have reached.
async fn enter(tx: &mut TenantTx, projections: &[&str], plans: Plans) -> Result<i64, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        r#"SELECT set_config('search_path', string_agg(format('rm_%s_v%s', p.name, p.version), ','), true) AS path,
                  set_config('plan_cache_mode', $3, true) AS plans,
                  coalesce(min(coalesce(c.seq, 0)), 0) AS "reached!"
           FROM es.projections p
           LEFT JOIN es.cursors c ON c.tenant_id = $1
                AND c.subscriber = format('projection/%s/v%s', p.name, p.version)
           WHERE p.state = 'live' AND p.name = ANY($2)"#,
        tenant.as_uuid(),
        projections as &[&str],
        plans.mode()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(row.reached)
}
