//! One event on the wire: `CloudEvents` 1.0 in JSON, structured mode.
//!
//! Extension attributes are lower-case letters only, and numbers among them are texts of nineteen digits: the
//! format's own integers have 32 bits, and texts of one length keep their order.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use simpul_domain::{CorrelationId, EventId, TenantId};
use simpul_event_store::Recorded;

/// Content type of a message.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";
const SPEC_VERSION: &str = "1.0";
const DATA_CONTENT_TYPE: &str = "application/json";

/// Who publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// URI reference of this installation, such as `/simpul`.
    pub name: String,
    /// Changes at every restore of the store, so that re-used positions are told apart.
    pub store_epoch: String,
}

/// One event with its frame.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    specversion: String,
    pub id: EventId,
    pub source: String,
    #[serde(rename = "type")]
    pub event_type: String,
    /// The aggregate's id.
    pub subject: String,
    pub time: DateTime<Utc>,
    datacontenttype: String,
    #[serde(rename = "tenantid")]
    pub tenant: TenantId,
    /// Position in the tenant's log.
    #[serde(rename = "tenantseq", with = "digits")]
    pub tenant_seq: i64,
    #[serde(rename = "aggregatetype")]
    pub aggregate_type: String,
    /// Position in the aggregate's stream.
    #[serde(with = "digits")]
    pub sequence: i64,
    /// Version of the event's shape.
    pub version: String,
    #[serde(rename = "correlationid")]
    pub correlation: CorrelationId,
    #[serde(rename = "causationid", default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<String>,
    #[serde(rename = "storeepoch")]
    pub store_epoch: String,
    /// The stored payload: an object of one key, the event's type.
    pub data: Value,
}

/// Why bytes are not an envelope.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    #[error("the message is not a CloudEvents envelope of ours")]
    Json(#[from] serde_json::Error),
    #[error("CloudEvents version {0} is not supported")]
    SpecVersion(String),
}

impl Envelope {
    pub fn of(event: &Recorded, source: &Source) -> Self {
        Self {
            specversion: SPEC_VERSION.to_owned(),
            id: event.event_id,
            source: source.name.clone(),
            event_type: event.event_type.clone(),
            subject: event.aggregate_id.clone(),
            time: event.recorded_at,
            datacontenttype: DATA_CONTENT_TYPE.to_owned(),
            tenant: event.tenant,
            tenant_seq: event.tenant_seq,
            aggregate_type: event.aggregate_type.clone(),
            sequence: event.sequence,
            version: event.event_version.clone(),
            correlation: event.correlation(),
            causation: event.meta("causation_id"),
            store_epoch: source.store_epoch.clone(),
            data: event.payload.value(),
        }
    }

    pub fn encode(&self) -> Result<Vec<u8>, EnvelopeError> {
        Ok(serde_json::to_vec(self)?)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        serde_json::from_slice::<Self>(bytes)?.checked()
    }

    /// From a dead letter.
    pub fn from_value(value: Value) -> Result<Self, EnvelopeError> {
        serde_json::from_value::<Self>(value)?.checked()
    }

    fn checked(self) -> Result<Self, EnvelopeError> {
        if self.specversion == SPEC_VERSION {
            Ok(self)
        } else {
            Err(EnvelopeError::SpecVersion(self.specversion))
        }
    }

    /// `tenant.<id>.<aggregate>.<event>`; the aggregate's name has a dot of its own.
    pub fn routing_key(&self) -> String {
        let event = self.event_type.rsplit('.').next().unwrap_or_default();
        format!("tenant.{}.{}.{event}", self.tenant, self.aggregate_type)
    }

    /// What is inside the tag of the payload.
    pub fn content(&self) -> Option<&Value> {
        self.data.get(&self.event_type)
    }
}

/// The payload may hold sealed personal data and business facts: it is never printed.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id)
            .field("type", &self.event_type)
            .field("tenant", &self.tenant)
            .field("tenant_seq", &self.tenant_seq)
            .finish_non_exhaustive()
    }
}

mod digits {
    use super::{Deserialize as _, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{number:019}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn recorded() -> Recorded {
        Recorded {
            tenant: TenantId::new(Uuid::from_u128(1)),
            tenant_seq: 42,
            aggregate_type: "subscriptions.subscription".to_owned(),
            aggregate_id: "sub_1".to_owned(),
            sequence: 3,
            event_type: "subscriptions.subscription.isolated".to_owned(),
            event_version: "1".to_owned(),
            payload: json!({ "subscriptions.subscription.isolated": { "customer": "cus_1" } }).into(),
            metadata: json!({ "causation_id": "evt_x" }).into(),
            event_id: EventId::new(Uuid::from_u128(7)),
            recorded_at: Utc
                .with_ymd_and_hms(2027, 1, 4, 1, 0, 0)
                .single()
                .expect("a time"),
        }
    }

    fn envelope() -> Envelope {
        let source = Source {
            name: "/simpul".to_owned(),
            store_epoch: "1".to_owned(),
        };
        Envelope::of(&recorded(), &source)
    }

    #[test]
    fn an_envelope_reads_back_as_it_was_written() {
        let bytes = envelope().encode().expect("encodes");
        assert_eq!(Envelope::decode(&bytes).expect("decodes"), envelope());
    }

    #[test]
    fn the_wire_form_is_cloudevents_with_ordered_texts_for_positions() {
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&envelope()).expect("encodes"),
            @r#"
        {
          "specversion": "1.0",
          "id": "evt_00000000000000000000000007",
          "source": "/simpul",
          "type": "subscriptions.subscription.isolated",
          "subject": "sub_1",
          "time": "2027-01-04T01:00:00Z",
          "datacontenttype": "application/json",
          "tenantid": "ten_00000000000000000000000001",
          "tenantseq": "0000000000000000042",
          "aggregatetype": "subscriptions.subscription",
          "sequence": "0000000000000000003",
          "version": "1",
          "correlationid": "cor_00000000000000000000000007",
          "causationid": "evt_x",
          "storeepoch": "1",
          "data": {
            "subscriptions.subscription.isolated": {
              "customer": "cus_1"
            }
          }
        }
        "#
        );
    }

    #[test]
    fn the_routing_key_names_tenant_aggregate_and_event() {
        assert_eq!(
            envelope().routing_key(),
            "tenant.ten_00000000000000000000000001.subscriptions.subscription.isolated"
        );
    }

    #[test]
    fn another_version_of_the_format_is_refused() {
        let text = String::from_utf8(envelope().encode().expect("encodes")).expect("utf-8");
        let newer = text.replace("\"specversion\":\"1.0\"", "\"specversion\":\"2.0\"");
        assert!(matches!(
            Envelope::decode(newer.as_bytes()),
            Err(EnvelopeError::SpecVersion(_))
        ));
    }
}
