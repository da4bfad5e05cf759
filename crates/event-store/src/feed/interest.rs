//! Which events matter to whoever follows the log: most concern few.

/// Which events matter to whoever follows the log, from the log itself or by a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    All,
    /// Those of these aggregate types.
    Types(&'static [&'static str]),
    /// Those with these stored names, such as `billing.invoice.issued`.
    Events(&'static [&'static str]),
}

impl Interest {
    pub(super) const NONE: Self = Self::Types(&[]);

    pub fn includes(self, aggregate_type: &str, event_type: &str) -> bool {
        match self {
            Self::All => true,
            Self::Types(types) => types.contains(&aggregate_type),
            Self::Events(names) => names.contains(&event_type),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_known_by_its_type_or_by_its_name() {
        let includes = |interest: Interest| interest.includes("billing.invoice", "billing.invoice.issued");
        for concerned in [
            Interest::All,
            Interest::Types(&["billing.payment", "billing.invoice"]),
            Interest::Events(&["billing.invoice.paid", "billing.invoice.issued"]),
        ] {
            assert!(includes(concerned), "{concerned:?}");
        }
        for other in [
            Interest::Types(&["billing.invoice.issued"]),
            Interest::Events(&["billing.invoice", "billing.invoice.paid"]),
        ] {
            assert!(!includes(other), "{other:?}");
        }
    }
}
