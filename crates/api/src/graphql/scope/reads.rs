//! How an operation reads read models: as new as it must be, and with others where it may.

use std::sync::{PoisonError, atomic::Ordering};

use simpul_event_store::{
    Age, TenantTx,
    feed::{Plans, look_up_at, read_at, word_of},
};

use super::Scope;
use crate::ApiError;

impl Scope {
    /// Something else was read, that is no read model.
    pub(in crate::graphql) fn count_read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    /// How many transactions over read models the operation has taken.
    pub(crate) fn reads(&self) -> u32 {
        self.reads.load(Ordering::Relaxed)
    }

    /// A transaction over read models that are at least as new as the client, and this operation, knows them.
    pub(in crate::graphql) async fn read(&self, projections: &[&str]) -> Result<TenantTx, ApiError> {
        let store = self.state.store();
        let tx = match self.first_read(projections, Plans::Asked).await {
            Some(tx) => tx,
            None if projections.is_empty() => store.db().read_tx(self.viewer.tenant).await?,
            None => read_at(store, self.viewer.tenant, projections, self.token()).await?,
        };
        Ok(self.aged(tx))
    }

    fn aged(&self, tx: TenantTx) -> TenantTx {
        self.grow_old(tx.age());
        tx
    }

    fn grow_old(&self, age: Option<Age>) {
        if let Some(age) = age {
            let now = self.state.store().now();
            let lag = age
                .behind_since
                .map(|since| (now - since).num_milliseconds().max(0));
            let mut oldest = self.lag_ms.lock().unwrap_or_else(PoisonError::into_inner);
            *oldest = lag.or(Some(0)).max(*oldest);
        }
    }

    /// How long the oldest read model that was read did not hear of something, in milliseconds; nothing where none was
    /// read.
    pub(crate) fn lag_ms(&self) -> Option<i64> {
        *self.lag_ms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was begun, for the first who reads. Next time that is begun which is wanted now.
    async fn first_read(&self, projections: &[&str], plans: Plans) -> Option<TenantTx> {
        if self.reads.fetch_add(1, Ordering::Relaxed) > 0 {
            return None;
        }
        if let Some(document) = self.document.as_ref().filter(|_| !projections.is_empty()) {
            document.began(projections, plans);
        }
        let turns = self.begun().reading(projections, plans);
        turns?.take().await
    }

    /// Like [`Scope::read`], for rows by their ids.
    pub(in crate::graphql) async fn look_up(&self, projection: &str) -> Result<TenantTx, ApiError> {
        let (store, tenant) = (self.state.store(), self.viewer.tenant);
        let tx = match self.first_read(&[projection], Plans::Once).await {
            Some(tx) => tx,
            None => look_up_at(store, tenant, &[projection], self.token()).await?,
        };
        Ok(self.aged(tx))
    }

    /// Whether rows of the projection may be read together with what others ask for. Not what an operation begins with, which
    /// comes with where its viewer stands; and not before there is word that it is new enough: nobody waits for another one's token.
    pub(in crate::graphql) async fn reads_with_others(&self, projection: &str) -> bool {
        let begins = self.reads() == 0 && !self.has_written.load(Ordering::Relaxed);
        !begins
            && word_of(
                self.state.store(),
                self.viewer.tenant,
                &[projection],
                self.token(),
            )
            .await
    }

    /// Others have read for it, in a transaction of this age.
    pub(in crate::graphql) fn was_read_for(&self, age: Option<Age>) {
        self.count_read();
        self.grow_old(age);
    }
}
