//! An event as it is stored, and its hash.

use std::ops::Range;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use simpul_domain::{CorrelationId, EventId, TenantId};

use super::canonical::{self, CanonicalError};

/// One event with everything that was stored about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub tenant: TenantId,
    /// Position in the tenant's log: gapless, in commit order.
    pub tenant_seq: i64,
    pub aggregate_type: String,
    pub aggregate_id: String,
    /// Position in its stream, from 1.
    pub sequence: i64,
    pub event_type: String,
    pub event_version: String,
    /// Externally tagged with the event type.
    pub payload: Value,
    /// A flat map of texts, see `bus::Context`.
    pub metadata: Value,
    pub event_id: EventId,
    pub recorded_at: DateTime<Utc>,
}

impl Recorded {
    /// A text of the metadata, such as `actor` or `causation_id`.
    pub fn meta(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).and_then(Value::as_str)
    }

    /// What the event belongs to; every event has one.
    pub fn correlation(&self) -> CorrelationId {
        self.meta("correlation_id")
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| CorrelationId::new(self.event_id.as_uuid()))
    }

    /// The stream's name, and the default key by which a poison event parks its followers.
    pub fn stream(&self) -> String {
        format!("{}/{}", self.aggregate_type, self.aggregate_id)
    }
}

/// What goes into the hash of an event besides the tenant, metadata and time that an append shares.
#[derive(Debug)]
pub(crate) struct Hashed<'a> {
    pub(crate) aggregate_type: &'a str,
    pub(crate) aggregate_id: &'a str,
    pub(crate) sequence: i64,
    pub(crate) event_type: &'a str,
    pub(crate) event_version: &'a str,
    pub(crate) event_id: EventId,
    pub(crate) payload: &'a Value,
}

/// Everything that the events of one append share, in canonical form once.
#[derive(Debug)]
pub(crate) struct HashFrame {
    metadata: String,
    recorded_at: String,
    tenant: String,
}

impl HashFrame {
    pub(crate) fn new(
        tenant: TenantId,
        metadata: &Value,
        recorded_at: DateTime<Utc>,
    ) -> Result<Self, CanonicalError> {
        Ok(Self {
            metadata: canonical::to_string(metadata)?,
            recorded_at: recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            tenant: tenant.to_string(),
        })
    }

    /// SHA-256 over the canonical JSON object of every field that the application sets. The keys are written in
    /// their sorted order, so that the text is the RFC 8785 form. Leaves that text in the buffer and returns where
    /// in it the payload stands.
    pub(crate) fn hash(
        &self,
        event: &Hashed<'_>,
        buffer: &mut String,
    ) -> Result<([u8; 32], Range<usize>), CanonicalError> {
        use std::fmt::Write as _;
        buffer.clear();
        buffer.push_str("{\"aggregate_id\":");
        canonical::write_string(buffer, event.aggregate_id)?;
        buffer.push_str(",\"aggregate_type\":");
        canonical::write_string(buffer, event.aggregate_type)?;
        buffer.push_str(",\"event_id\":");
        canonical::write_string(buffer, &event.event_id.to_string())?;
        buffer.push_str(",\"event_type\":");
        canonical::write_string(buffer, event.event_type)?;
        buffer.push_str(",\"event_version\":");
        canonical::write_string(buffer, event.event_version)?;
        let _ = write!(buffer, ",\"metadata\":{},\"payload\":", self.metadata);
        let start = buffer.len();
        canonical::write_value(buffer, event.payload)?;
        let payload = start..buffer.len();
        let _ = write!(
            buffer,
            ",\"recorded_at\":\"{}\",\"sequence\":{},\"tenant_id\":\"{}\"}}",
            self.recorded_at, event.sequence, self.tenant
        );
        Ok((canonical::digest_of(buffer.as_bytes()), payload))
    }
}
