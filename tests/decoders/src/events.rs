//! What comes back from the broker and out of the log.

use serde_json::Value;
use simpul_adapters::bus::Envelope;
use simpul_domain::AnyEvent;
use simpul_event_store::store::canonical::CanonicalJson;

pub(crate) fn envelopes(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::decode(bytes) {
        let sent = envelope.encode().expect("what was read can be sent");
        let again = Envelope::decode(&sent).expect("what was sent can be read");
        assert_eq!(again, envelope);
        assert!(envelope.routing_key().starts_with("tenant."));
    }
}

/// One form per value: canonical again, it stays as it is, and it means the same.
pub(crate) fn json_canonical(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    if let Ok(canonical) = CanonicalJson::of(&value) {
        let read: Value = serde_json::from_str(canonical.as_str()).expect("canonical JSON is JSON");
        let again = CanonicalJson::of(&read).expect("its own form is canonical");
        assert_eq!(again, canonical);
        assert_eq!(again.sha256(), canonical.sha256());
    }
}

/// Type of the aggregate, stored name, version, payload: a line each, the payload to the end.
pub(crate) fn stored_events(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut lines = text.splitn(4, '\n');
    if let (Some(aggregate), Some(name), Some(version), Some(payload)) =
        (lines.next(), lines.next(), lines.next(), lines.next())
    {
        // An unreadable event is an error with a name, never a panic.
        let _ = AnyEvent::parse(aggregate, name, version, payload);
    }
}
