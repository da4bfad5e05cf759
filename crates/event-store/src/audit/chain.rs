//! The chain as a state machine: one stored event in, a verdict out. No I/O.

use chrono::{DateTime, Utc};
use serde_json::Value;
use simpul_domain::{EventId, TenantId};
use uuid::Uuid;

use super::{Broken, Kind, Sound};
use crate::store::{
    Head,
    canonical::{CanonicalError, CanonicalJson},
    recorded::{HashFrame, Hashed},
};

/// A row of the log, hashes included.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) tenant_seq: i64,
    pub(super) aggregate_type: String,
    pub(super) aggregate_id: String,
    pub(super) sequence: i64,
    pub(super) event_type: String,
    pub(super) event_version: String,
    pub(super) payload: Value,
    pub(super) metadata: Value,
    pub(super) event_id: Uuid,
    pub(super) recorded_at: DateTime<Utc>,
    pub(super) event_hash: Vec<u8>,
    pub(super) head: Vec<u8>,
}

impl Stored {
    fn hash(&self, tenant: TenantId) -> Result<[u8; 32], CanonicalError> {
        let (metadata, payload) = (
            CanonicalJson::of(&self.metadata)?,
            CanonicalJson::of(&self.payload)?,
        );
        HashFrame::new(tenant, &metadata, self.recorded_at).hash(&Hashed {
            aggregate_type: &self.aggregate_type,
            aggregate_id: &self.aggregate_id,
            sequence: self.sequence,
            event_type: &self.event_type,
            event_version: &self.event_version,
            event_id: EventId::new(self.event_id),
            payload: &payload,
        })
    }
}

/// Where the verification stands.
#[derive(Debug)]
pub(super) struct Chain {
    tenant: TenantId,
    head: Head,
}

impl Chain {
    pub(super) fn begin(tenant: TenantId) -> Self {
        Self {
            tenant,
            head: Head::begin(tenant),
        }
    }

    /// In the middle of a log, behind an event with this head.
    pub(super) const fn resume(tenant: TenantId, seq: i64, head: [u8; 32]) -> Self {
        Self {
            tenant,
            head: Head { seq, hash: head },
        }
    }

    pub(super) const fn head(&self) -> &[u8; 32] {
        &self.head.hash
    }

    /// What was checked so far.
    pub(super) const fn sound(&self) -> Sound {
        Sound {
            tenant: self.tenant,
            seq: self.head.seq,
            head: self.head.hash,
        }
    }

    pub(super) const fn seq(&self) -> i64 {
        self.head.seq
    }

    /// Takes the next event of the log in `tenant_seq` order.
    pub(super) fn check(&mut self, event: &Stored) -> Result<(), Broken> {
        let broken = |tenant_seq, event_id, kind| Broken {
            tenant: self.tenant,
            tenant_seq,
            event_id,
            kind,
        };
        let event_id = Some(EventId::new(event.event_id));
        let expected = self.seq() + 1;
        if event.tenant_seq != expected {
            return Err(broken(expected, None, Kind::Gap));
        }
        // Content that has no canonical form was never appended.
        let hash = event.hash(self.tenant).ok();
        let Some(hash) = hash.filter(|hash| hash.as_slice() == event.event_hash) else {
            return Err(broken(expected, event_id, Kind::HashMismatch));
        };
        let head = self.head.link(&hash);
        if head.hash.as_slice() != event.head {
            return Err(broken(expected, event_id, Kind::HeadMismatch));
        }
        self.head = head;
        Ok(())
    }

    /// After the last event: compares with the head row, of which a tenant without events has none.
    pub(super) fn end(self, head_row: Option<(i64, Vec<u8>)>) -> Result<Sound, Broken> {
        let (tenant_seq, kind) = match head_row {
            Some((seq, head)) if seq == self.seq() && head == self.head.hash => (0, None),
            None if self.seq() == 0 => (0, None),
            Some((seq, _)) if seq > self.seq() => (self.seq() + 1, Some(Kind::Gap)),
            _ => (self.seq(), Some(Kind::HeadRowMismatch)),
        };
        match kind {
            None => Ok(self.sound()),
            Some(kind) => Err(Broken {
                tenant: self.tenant,
                tenant_seq,
                event_id: None,
                kind,
            }),
        }
    }
}
