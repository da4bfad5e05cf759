//! Old shapes of events on their way to the current one.

use serde_json::json;
use simpul_event_store::{
    Upcasters,
    store::{Shape, Stored, Upcaster},
};

const OLD: &str = "sales.order.placed";

/// Version 0 is forgotten, 1 becomes two of version 2, which becomes 3.
#[derive(Debug)]
struct Old;

impl Upcaster for Old {
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
        event_type == OLD && matches!(event_version, "0" | "1" | "2")
    }

    fn upcast(&self, shape: Shape) -> Vec<Shape> {
        let next = |version: &str| Shape {
            event_version: version.to_owned(),
            payload: json!({ OLD: { "was": shape.payload.clone() } }),
            ..shape.clone()
        };
        match shape.event_version.as_str() {
            "0" => Vec::new(),
            "1" => vec![next("2"), next("2")],
            _ => vec![next("3")],
        }
    }
}

/// Stored name, version, payload: a line each, the payload to the end.
pub(crate) fn upcasters(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut lines = text.splitn(3, '\n');
    let (Some(event_type), Some(event_version), Some(payload)) = (lines.next(), lines.next(), lines.next())
    else {
        return;
    };
    // The database holds JSON only.
    let Ok(payload) = serde_json::from_str::<serde_json::Value>(payload) else {
        return;
    };
    let stored = Stored {
        event_type: event_type.to_owned(),
        event_version: event_version.to_owned(),
        payload: payload.into(),
    };
    let mut current = Vec::new();
    Upcasters::new(vec![Box::new(Old)]).apply(stored.clone(), |shape| current.push(shape));
    let expected = match (event_type, event_version) {
        (OLD, "0") => 0,
        (OLD, "1") => 2,
        _ => 1,
    };
    assert_eq!(current.len(), expected);
    for shape in &current {
        assert!(
            !Old.can_upcast(&shape.event_type, &shape.event_version),
            "{shape:?} is old"
        );
        if event_type != OLD || !matches!(event_version, "1" | "2") {
            assert_eq!(*shape, stored, "what is current stays as it is");
        }
    }
}
