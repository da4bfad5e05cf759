//! Who leads a shard of a subscriber: a lease, and where the shards are shared, a seat to hold it from.

use std::sync::Arc;

use super::{
    lease::Lease,
    shard::{Seat, Shard, Share},
};
use crate::{EventStore, StoreError};

/// Leads one shard, or tries to.
#[derive(Debug)]
pub(super) struct Leader {
    pub(super) shard: Shard,
    share: Option<Arc<Share>>,
    lease: Option<Lease>,
    /// Held with the lease.
    seat: Option<Seat>,
}

impl Leader {
    /// Leads every tenant, whoever else would.
    pub(super) const fn alone() -> Self {
        Self {
            shard: Shard::WHOLE,
            share: None,
            lease: None,
            seat: None,
        }
    }

    pub(super) const fn of(shard: Shard, share: Arc<Share>) -> Self {
        Self {
            shard,
            share: Some(share),
            lease: None,
            seat: None,
        }
    }

    pub(super) const fn leads(&self) -> bool {
        self.lease.is_some()
    }

    /// The epoch of the lease; [`StoreError::Fenced`] without one.
    pub(super) fn epoch(&self) -> Result<i64, StoreError> {
        let lease = self.lease.as_ref().ok_or(StoreError::Fenced)?;
        Ok(lease.epoch)
    }

    /// Whether it leads now; not when somebody else does, or this process has its part already.
    pub(super) async fn take(&mut self, store: &EventStore, subscriber: &str) -> Result<bool, StoreError> {
        let share = self.share.clone();
        let _turn = match &share {
            Some(share) => Some(share.turn.lock().await),
            None => None,
        };
        let mut seat = None;
        if let Some(share) = &share {
            seat = share.seat();
            if seat.is_none() {
                return Ok(false);
            }
        }
        self.lease = Lease::take(store, subscriber, self.shard).await?;
        if self.leads() {
            self.seat = seat;
        }
        Ok(self.leads())
    }

    /// Whether it still leads. A process that leads more than its part gives this shard up.
    pub(super) async fn check(&mut self) -> bool {
        if self.share.as_ref().is_some_and(|share| share.is_crowded()) {
            self.release().await;
            return false;
        }
        if let Some(lease) = &self.lease
            && lease.check().await.is_ok()
        {
            return true;
        }
        self.forget();
        false
    }

    /// The session that held the lease is not there any more, or might as well not be.
    pub(super) fn forget(&mut self) {
        self.seat = None;
        if let Some(lease) = self.lease.take() {
            lease.forsake();
        }
    }

    pub(super) async fn release(&mut self) {
        self.seat = None;
        if let Some(lease) = self.lease.take() {
            lease.release().await;
        }
    }
}
