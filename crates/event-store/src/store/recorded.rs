//! An event as it is stored, and its hash.

use std::{collections::BTreeMap, fmt::Write as _};

use aws_lc_rs::digest;
use chrono::{DateTime, SecondsFormat, Utc};
use simpul_domain::{CorrelationId, EventId, TenantId};

use super::{
    JsonText,
    canonical::{CanonicalError, CanonicalJson, bytes_of},
};

/// Stored name of the event that ends a tenant's log (`simpul_domain::tenancy::TenantErased`).
pub(crate) const ERASED: &str = "tenancy.tenant.erased";

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
    pub payload: JsonText,
    /// A flat map of texts, see `bus::Context`.
    pub metadata: JsonText,
    pub event_id: EventId,
    pub recorded_at: DateTime<Utc>,
}

impl Recorded {
    /// A text of the metadata, such as `actor` or `causation_id`.
    pub fn meta(&self, key: &str) -> Option<String> {
        self.metas().remove(key)
    }

    /// All texts of the metadata.
    pub fn metas(&self) -> BTreeMap<String, String> {
        self.metadata.read().unwrap_or_default()
    }

    /// What the event belongs to; every event has one.
    pub fn correlation(&self) -> CorrelationId {
        self.meta("correlation_id")
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| CorrelationId::new(self.event_id.as_uuid()))
    }

    /// Whether this is the last event of its tenant's log, after which nothing of it may be shown.
    pub fn erases_tenant(&self) -> bool {
        self.event_type == ERASED
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
    pub(crate) payload: &'a CanonicalJson,
}

/// Everything that the events of one append share, in canonical form once.
#[derive(Debug)]
pub(crate) struct HashFrame {
    /// Before the payload.
    metadata: String,
    /// After the payload, before the sequence.
    recorded_at: String,
    /// After the sequence.
    tenant: String,
    /// What stands before the metadata, of the event that is being hashed.
    text: String,
}

impl HashFrame {
    pub(crate) fn new(tenant: TenantId, metadata: &CanonicalJson, recorded_at: DateTime<Utc>) -> Self {
        let recorded_at = recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        Self {
            metadata: format!(",\"metadata\":{},\"payload\":", metadata.as_str()),
            recorded_at: format!(",\"recorded_at\":\"{recorded_at}\",\"sequence\":"),
            tenant: format!(",\"tenant_id\":\"{tenant}\"}}"),
            text: String::with_capacity(256),
        }
    }

    /// SHA-256 over the canonical JSON object of every field that the application sets. The keys are written in
    /// their sorted order, so that the text is the RFC 8785 form.
    pub(crate) fn hash(&mut self, event: &Hashed<'_>) -> Result<[u8; 32], CanonicalError> {
        let text = &mut self.text;
        text.clear();
        text.push_str("{\"aggregate_id\":");
        quote(text, event.aggregate_id)?;
        text.push_str(",\"aggregate_type\":");
        quote(text, event.aggregate_type)?;
        // A String takes everything.
        let _ = write!(text, ",\"event_id\":\"{}\",\"event_type\":", event.event_id);
        quote(text, event.event_type)?;
        text.push_str(",\"event_version\":");
        quote(text, event.event_version)?;
        let sequence = event.sequence.to_string();
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in [
            text.as_str(),
            &self.metadata,
            event.payload.as_str(),
            &self.recorded_at,
            &sequence,
            &self.tenant,
        ] {
            hash.update(part.as_bytes());
        }
        Ok(bytes_of(&hash.finish()))
    }
}

/// Writes a text as canonical JSON.
fn quote(out: &mut String, text: &str) -> Result<(), CanonicalError> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(CanonicalJson::of(text)?.as_str());
    }
    Ok(())
}
