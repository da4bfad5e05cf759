//! Reading read models, never silently old: whoever brings a token waits until it is reached, or is told.

use std::time::Duration;

use simpul_domain::{Code, Coded, TenantId};
use tokio::time::Instant;

use crate::{
    ConsistencyToken, EventStore, StoreError,
    db::{Plans, TenantTx, Turns},
    inline::access::{Caller, Standing},
};

/// How long a read waits for its token (DESIGN section 5).
const MAX_WAIT: Duration = Duration::from_secs(2);
/// How long it waits for word from a projector of this process before it looks by itself.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The same where word is sure to come: all that it reads is written by this process.
const FOLLOWED_PAUSE: Duration = Duration::from_millis(100);

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

/// How a transaction over read models begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Opening {
    projections: Box<[Box<str>]>,
    plans: Plans,
}

impl Opening {
    pub fn new(projections: &[&str], plans: Plans) -> Self {
        let projections = projections.iter().map(|&name| name.into()).collect();
        Self { projections, plans }
    }

    pub fn is(&self, projections: &[&str], plans: Plans) -> bool {
        let names = self.projections.iter().map(|name| &**name);
        self.plans == plans && names.eq(projections.iter().copied())
    }

    fn names(&self) -> Vec<&str> {
        self.projections.iter().map(|name| &**name).collect()
    }
}

/// Whether a transaction that began now would be as new as `token`, as far as this process knows.
pub fn may_begin(
    store: &EventStore,
    tenant: TenantId,
    opening: &Opening,
    token: Option<ConsistencyToken>,
) -> bool {
    token.is_none_or(|token| {
        let progress = store.progress();
        token.tenant == tenant && !progress.wait_for(tenant, &opening.names(), token.seq).is_behind
    })
}

/// A transaction in which several will read, and how new it is.
#[derive(Debug, Clone)]
pub struct SharedRead {
    turns: Turns,
    reached: i64,
}

impl SharedRead {
    /// The right to read in it, for whom it is new enough.
    pub fn since(&self, token: Option<ConsistencyToken>) -> Option<Turns> {
        let is_new = token.is_none_or(|token| token.seq <= self.reached);
        is_new.then(|| self.turns.clone())
    }
}

/// Where callers of a tenant stand, and in the same round trip the transaction with which they will begin to read.
pub async fn standings_and_read(
    store: &EventStore,
    tenant: TenantId,
    callers: &[Caller],
    opening: &Opening,
) -> Result<(Vec<Standing>, Option<SharedRead>), StoreError> {
    let (db, now) = (store.db(), store.now());
    let (standings, begun) = db
        .read_models_as(tenant, callers, now, &opening.names(), opening.plans)
        .await?;
    let begun = begun.map(|(tx, reached)| SharedRead {
        turns: Turns::of(tx),
        reached,
    });
    Ok((standings, begun))
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

/// Waits for word that `projections` are as new as `token`, without a look at them. Whether there was any: what another process
/// writes there is none of, nor of what has come to a halt.
pub async fn word_of(
    store: &EventStore,
    tenant: TenantId,
    projections: &[&str],
    token: Option<ConsistencyToken>,
) -> bool {
    let wanted = match token {
        None => return true,
        Some(token) if token.tenant == tenant => token.seq,
        Some(_) => return false,
    };
    let progress = store.progress().wait_for(tenant, projections, wanted);
    if !progress.is_followed {
        return false;
    }
    if !progress.is_behind {
        return true;
    }
    store.hints().want(tenant, projections);
    progress.reached(FOLLOWED_PAUSE).await
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
    let first = if progress.is_followed {
        FOLLOWED_PAUSE
    } else {
        FIRST_PAUSE
    };
    if progress.is_behind {
        store.hints().want(tenant, projections);
        progress.reached(first).await;
    }
    loop {
        let (tx, reached) = store.db().read_models_at(tenant, projections, plans).await?;
        if reached >= wanted {
            return Ok(tx);
        }
        tx.commit().await?;
        let waited = started.elapsed();
        if waited >= MAX_WAIT {
            return Err(ReadError::Stale);
        }
        store.hints().want(tenant, projections);
        progress.reached(pause(first, waited)).await;
    }
}

/// How long who has waited so long does not look. The longer the wait, the more readers there are: if each looked as often
/// as at first, they would be a load of their own just when the projectors cannot keep up.
fn pause(first: Duration, waited: Duration) -> Duration {
    first.max(waited / 2).min(MAX_WAIT.saturating_sub(waited))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_waits_to_the_end_looks_a_few_times() {
        let (mut waited, mut looks) = (Duration::ZERO, 1);
        while waited < MAX_WAIT {
            waited += pause(FIRST_PAUSE, waited);
            looks += 1;
        }
        assert_eq!(waited, MAX_WAIT);
        assert!(looks < 20, "{looks} looks");
    }
}
