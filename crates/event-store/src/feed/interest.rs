//! Which events matter to a subscriber: most concern few.

use crate::Recorded;

/// Which events matter to a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    All,
    /// Those of these aggregate types.
    Types(&'static [&'static str]),
    /// Those with these stored names, such as `billing.invoice.issued`.
    Events(&'static [&'static str]),
}

impl Interest {
    pub fn includes(self, event: &Recorded) -> bool {
        match self {
            Self::All => true,
            Self::Types(types) => types.contains(&event.aggregate_type.as_str()),
            Self::Events(names) => names.contains(&event.event_type.as_str()),
        }
    }
}
