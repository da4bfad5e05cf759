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
    let started = Instant::now();
    let progress = store.progress().wait_for(tenant, projections, wanted);
    if progress.is_behind {
        progress.reached(FIRST_PAUSE).await;
    }
    loop {
        let (tx, reached) = store.db().read_models_at(tenant, projections, plans).await?;
        if reached >= wanted {
            return Ok(tx);
        }
        tx.rollback().await?;
        let waited = started.elapsed();
        if waited >= MAX_WAIT {
            return Err(ReadError::Stale);
        }
        progress.reached(pause(waited)).await;
    }
}

/// How long who has waited so long does not look. The longer the wait, the more readers there are: if each looked as often
/// as at first, they would be a load of their own just when the projectors cannot keep up.
fn pause(waited: Duration) -> Duration {
    FIRST_PAUSE.max(waited / 2).min(MAX_WAIT.saturating_sub(waited))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_waits_to_the_end_looks_a_few_times() {
        let (mut waited, mut looks) = (Duration::ZERO, 1);
        while waited < MAX_WAIT {
            waited += pause(waited);
            looks += 1;
        }
        assert_eq!(waited, MAX_WAIT);
        assert!(looks < 20, "{looks} looks");
    }
}
