//! A transaction that only reads, for several readers of one tenant: each has it for as long as it reads (ADR 97).
//!
//! INVARIANT: it goes to the next one only after its reader has seen the end of what it asked. After any other end it is gone, and
//! the others are told that there is none.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::timeout,
};

use super::TenantTx;

/// Nobody waits longer for those before them: what they ask may take its time.
const PATIENCE: Duration = Duration::from_millis(20);

/// The right to read in the transaction.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Mutex<Rest>>);

/// Where it is while nobody reads. With the last who could have read it is left to whoever has its connection next.
#[derive(Debug)]
struct Rest(Option<TenantTx>);

/// In the hands of a reader, and where it came from.
#[derive(Debug)]
pub(super) struct Held(OwnedMutexGuard<Rest>);

impl Turns {
    pub(crate) fn of(tx: TenantTx) -> Self {
        Self(Arc::new(Mutex::new(Rest(Some(tx)))))
    }

    /// The transaction, when those before have read. None if it is gone, or takes long to come.
    pub async fn take(self) -> Option<TenantTx> {
        let mut rest = match Arc::clone(&self.0).try_lock_owned() {
            Ok(rest) => rest,
            Err(_) => timeout(PATIENCE, self.0.lock_owned()).await.ok()?,
        };
        let tx = rest.0.take()?;
        Some(TenantTx {
            held: Some(Held(rest)),
            ..tx
        })
    }
}

impl Held {
    pub(super) fn hand_on(mut self, tx: TenantTx) {
        self.0.0 = Some(tx);
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        if let Some(tx) = self.0.take() {
            tx.tx.leave_open();
        }
    }
}
