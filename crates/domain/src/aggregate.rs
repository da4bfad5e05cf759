//! How a decision is written, and how it becomes a `cqrs-es` aggregate.

use cqrs_es::DomainEvent;
use serde::{Serialize, de::DeserializeOwned};

use crate::Coded;

/// An event type whose stored names are constants.
///
/// The enum is externally tagged with the stored name (`#[serde(rename = "billing.invoice.issued")]`), so that
/// a stock `postgres-es` repository reads the same row. A stored event is never edited: a new meaning is a new
/// name, a new shape is a new version with an upcaster.
pub trait StoredEvent: DomainEvent {
    /// Every stored name with its current version, for the golden schemas.
    const NAMES: &'static [(&'static str, &'static str)];
}

/// A pure decision: `decide` says what follows from a command, `evolve` assigns it.
///
/// `decide` matches the command, then the status, without wildcard arms. A command that already took effect
/// yields no events. `evolve` cannot fail.
pub trait Decider: Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Stored name of the aggregate, such as `billing.invoice`.
    const TYPE: &'static str;
    /// Changes whenever a snapshot of an older state can no longer be read.
    const STATE_VERSION: i32;

    type Command: Send;
    type Event: StoredEvent;
    type Error: std::error::Error + Coded + Send + Sync + 'static;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;
    fn evolve(&mut self, event: &Self::Event);
}

/// Forwards a [`Decider`] to the `cqrs-es` trait of the same type: `handle` only writes what `decide` returned.
#[macro_export]
macro_rules! aggregate {
    ($type:ty) => {
        impl ::cqrs_es::Aggregate for $type {
            const TYPE: &'static str = <$type as $crate::Decider>::TYPE;
            type Command = <$type as $crate::Decider>::Command;
            type Event = <$type as $crate::Decider>::Event;
            type Error = <$type as $crate::Decider>::Error;
            type Services = ();

            async fn handle(
                &mut self,
                command: Self::Command,
                (): &Self::Services,
                sink: &::cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Self::Error> {
                for event in $crate::Decider::decide(self, command)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: Self::Event) {
                $crate::Decider::evolve(self, &event);
            }
        }
    };
}

/// Implements `DomainEvent` and [`StoredEvent`] from one table `Variant => "stored.name", "version"`.
#[macro_export]
macro_rules! stored_events {
    ($type:ty { $($variant:ident => $name:literal, $version:literal;)+ }) => {
        impl ::cqrs_es::DomainEvent for $type {
            fn event_type(&self) -> String {
                match self { $(Self::$variant(..) => $name.to_owned(),)+ }
            }

            fn event_version(&self) -> String {
                match self { $(Self::$variant(..) => $version.to_owned(),)+ }
            }
        }

        impl $crate::StoredEvent for $type {
            const NAMES: &'static [(&'static str, &'static str)] = &[$(($name, $version),)+];
        }
    };
}
