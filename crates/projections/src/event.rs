//! From a row of the log to a typed event.

use serde_json::Value;
use simpul_domain::{AnyEvent, UnreadableEvent};
use simpul_event_store::{Recorded, feed::HandlerError};

/// Reads an event that upcasters have brought to its current version.
pub fn decode(recorded: &Recorded) -> Result<AnyEvent, UnreadableEvent> {
    AnyEvent::parse(
        &recorded.aggregate_type,
        &recorded.event_type,
        &recorded.event_version,
        recorded.payload.as_str(),
    )
}

/// A batch with its typed events. An event that cannot be read is poison.
pub(crate) fn decode_all(recorded: &[Recorded]) -> Result<Vec<(&Recorded, AnyEvent)>, HandlerError> {
    recorded
        .iter()
        .map(|recorded| Ok((recorded, decode(recorded).map_err(HandlerError::permanent)?)))
        .collect()
}

/// The content of an event, without the tag around it.
pub fn content(recorded: &Recorded) -> Value {
    let mut payload = recorded.payload.value();
    payload
        .get_mut(&recorded.event_type)
        .map(Value::take)
        .unwrap_or(payload)
}

/// The id that an event carries under this name: the key of rows that are fed by several streams. Without one, the
/// stream.
pub(crate) fn key_of(recorded: &Recorded, field: &str) -> String {
    content(recorded)
        .get(field)
        .and_then(Value::as_str)
        .map_or_else(|| recorded.stream(), str::to_owned)
}
