//! Old shapes of events become the current one while they are read; stored events are never edited.

use serde_json::Value;

/// One event on its way through the upcasters.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    pub event_type: String,
    pub event_version: String,
    pub payload: Value,
}

/// Turns one shape into none, one or several newer ones. Pure.
pub trait Upcaster: Send + Sync + std::fmt::Debug {
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool;
    fn upcast(&self, shape: Shape) -> Vec<Shape>;
}

/// Wraps an upcaster of the `cqrs-es` crate, which maps one event to one.
pub struct Stock<U>(pub U);

impl<U> std::fmt::Debug for Stock<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stock(…)")
    }
}

impl<U: cqrs_es::persist::EventUpcaster> Upcaster for Stock<U> {
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
        self.0.can_upcast(event_type, event_version)
    }

    fn upcast(&self, shape: Shape) -> Vec<Shape> {
        let event = self.0.upcast(cqrs_es::persist::SerializedEvent {
            aggregate_id: String::new(),
            sequence: 0,
            aggregate_type: String::new(),
            event_type: shape.event_type,
            event_version: shape.event_version,
            payload: shape.payload,
            metadata: Value::Null,
        });
        vec![Shape {
            event_type: event.event_type,
            event_version: event.event_version,
            payload: event.payload,
        }]
    }
}

/// Every upcaster of the product, applied until none fits.
#[derive(Debug, Default)]
pub struct Upcasters(Vec<Box<dyn Upcaster>>);

impl Upcasters {
    pub fn new(upcasters: Vec<Box<dyn Upcaster>>) -> Self {
        Self(upcasters)
    }

    pub fn apply(&self, shape: Shape) -> Vec<Shape> {
        let fits = |shape: &Shape| {
            self.0
                .iter()
                .find(|upcaster| upcaster.can_upcast(&shape.event_type, &shape.event_version))
        };
        match fits(&shape) {
            None => vec![shape],
            Some(upcaster) => upcaster
                .upcast(shape)
                .into_iter()
                .flat_map(|newer| self.apply(newer))
                .collect(),
        }
    }
}
