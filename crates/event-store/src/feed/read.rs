//! Reading read models, never silently old: whoever brings a token waits until it is reached, or is told.

use std::time::Duration;

use simpul_domain::{Code, Coded, TenantId};
use tokio::time::Instant;

use crate::{
    ConsistencyToken, EventStore, StoreError,
    db::{Plans, TenantTx},
    inline::access::{self, Caller, Standing},
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// Where the caller stands, and in the same round trip the transaction with which it will begin to read, if that is as new as
/// `token` by now.
pub async fn standing_and_read(
    store: &EventStore,
    caller: Caller,
    opening: &Opening,
    token: Option<ConsistencyToken>,
) -> Result<(Standing, Option<TenantTx>), StoreError> {
    let projections: Vec<&str> = opening.projections.iter().map(|name| &**name).collect();
    let wanted = match token {
        None => 0,
        Some(token) if token.tenant == caller.tenant => token.seq,
        Some(_) => return Ok((access::standing_of(store, caller).await?, None)),
    };
    let db = store.db();
    if wanted > 0
        && store
            .progress()
            .wait_for(caller.tenant, &projections, wanted)
            .is_behind
    {
        return Ok((access::standing_of(store, caller).await?, None));
    }
    let (standing, begun) = db
        .read_models_as(&caller, store.now(), &projections, opening.plans)
        .await?;
    let begun = begun.filter(|(_, reached)| *reached >= wanted);
    Ok((standing, begun.map(|(tx, _)| tx)))
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
