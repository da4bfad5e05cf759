//! Old shapes of events become the current one while they are read; stored events are never edited.

use serde_json::Value;

use super::JsonText;

/// What is read of a stored event: its name and its payload.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub event_type: String,
    pub event_version: String,
    pub payload: JsonText,
}

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

    /// The current shapes of a stored event, one after another. Most events have no older shape, and are not even
    /// parsed here.
    pub fn apply(&self, stored: Stored, mut take: impl FnMut(Stored)) {
        let Some(upcaster) = self.fitting(&stored.event_type, &stored.event_version) else {
            return take(stored);
        };
        let shape = Shape {
            payload: stored.payload.value(),
            event_type: stored.event_type,
            event_version: stored.event_version,
        };
        for shape in self.newer(upcaster, shape) {
            take(Stored {
                event_type: shape.event_type,
                event_version: shape.event_version,
                payload: shape.payload.into(),
            });
        }
    }

    fn newer(&self, upcaster: &dyn Upcaster, shape: Shape) -> Vec<Shape> {
        let newer = upcaster.upcast(shape).into_iter();
        newer
            .flat_map(
                |shape| match self.fitting(&shape.event_type, &shape.event_version) {
                    None => vec![shape],
                    Some(upcaster) => self.newer(upcaster, shape),
                },
            )
            .collect()
    }

    fn fitting(&self, event_type: &str, event_version: &str) -> Option<&dyn Upcaster> {
        let mut upcasters = self.0.iter().map(AsRef::as_ref);
        upcasters.find(|upcaster| upcaster.can_upcast(event_type, event_version))
    }
}
