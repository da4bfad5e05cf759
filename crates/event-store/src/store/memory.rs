//! What this process remembers of the log, as it last saw it: states of streams, and heads of tenants.
//!
//! A memory may be old; it is never believed. What an append stands on is compared with the log under the tenant's lock
//! (`es.expect_unmoved`), by the id of its last event, and what appends nothing is decided again on the log itself (`bus`). So a
//! memory saves a round trip to whoever was the last to write, and costs a conflict to whoever was not.

use std::{
    any::Any,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;
use simpul_domain::{Decider, EventId, TenantId};

use super::canonical::digest_of;

/// Streams that are remembered; the state of one is a few kilobytes.
const STREAMS: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");
/// Tenants whose heads are remembered.
const TENANTS: NonZeroUsize = NonZeroUsize::new(1_024).expect("not zero");

/// A state as it was after an event, whose sequence is the version.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) state: Arc<dyn Any + Send + Sync>,
    pub(super) version: i64,
    /// That event, if this process appended it: only then can the log be asked whether it is still the same.
    pub(super) last: Option<EventId>,
}

impl Seen {
    /// Before the first event.
    pub(super) fn nothing<A: Decider>() -> Self {
        Self::at(A::default(), 0)
    }

    pub(super) fn at<A: Decider>(state: A, version: i64) -> Self {
        Self {
            state: Arc::new(state),
            version,
            last: None,
        }
    }

    /// The state to go on with, which is a copy while somebody else holds it too.
    pub(super) fn state_mut<A: Decider>(&mut self) -> Option<&mut A> {
        if Arc::get_mut(&mut self.state).is_none() {
            let copy: A = self.state.downcast_ref::<A>()?.clone();
            self.state = Arc::new(copy);
        }
        Arc::get_mut(&mut self.state)?.downcast_mut()
    }
}

/// The end of a tenant's hash chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: i64,
    pub(crate) hash: [u8; 32],
}

impl Head {
    /// Before the first event: the hash of the tenant's id.
    pub(crate) fn begin(tenant: TenantId) -> Self {
        Self {
            seq: 0,
            hash: digest_of(tenant.as_uuid().as_bytes()),
        }
    }

    /// After one more event: `sha256(head ‖ seq ‖ event_hash)` (DESIGN section 10).
    #[must_use]
    pub(crate) fn link(self, event_hash: &[u8; 32]) -> Self {
        let seq = self.seq + 1;
        let mut link = [0; 72];
        link[..32].copy_from_slice(&self.hash);
        link[32..40].copy_from_slice(&seq.to_be_bytes());
        link[40..].copy_from_slice(event_hash);
        Self {
            seq,
            hash: digest_of(&link),
        }
    }
}

type Stream = (TenantId, &'static str, String);

/// The memory of one process.
pub(super) struct Memory {
    streams: Mutex<LruCache<Stream, Seen>>,
    heads: Mutex<LruCache<TenantId, Head>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            streams: Mutex::new(LruCache::new(STREAMS)),
            heads: Mutex::new(LruCache::new(TENANTS)),
        }
    }
}

impl Memory {
    pub(super) fn recall<A: Decider>(&self, tenant: TenantId, id: &str) -> Option<Seen> {
        open(&self.streams)
            .get(&(tenant, A::TYPE, id.to_owned()))
            .cloned()
    }

    /// Keeps what this process wrote, if it is newer than what is kept.
    pub(super) fn keep(&self, tenant: TenantId, kind: &'static str, id: String, seen: Seen) {
        if seen.last.is_none() {
            return;
        }
        let mut streams = open(&self.streams);
        let stream = (tenant, kind, id);
        if streams
            .peek(&stream)
            .is_none_or(|known| known.version < seen.version)
        {
            streams.put(stream, seen);
        }
    }

    pub(super) fn forget(&self, tenant: TenantId, kind: &'static str, id: String) {
        open(&self.streams).pop(&(tenant, kind, id));
    }

    pub(super) fn head(&self, tenant: TenantId) -> Option<Head> {
        open(&self.heads).get(&tenant).copied()
    }

    pub(super) fn keep_head(&self, tenant: TenantId, head: Head) {
        open(&self.heads).put(tenant, head);
    }
}

/// A panic leaves both maps whole: every change is one call.
fn open<T>(memory: &Mutex<T>) -> MutexGuard<'_, T> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}
