//! The pace of each tenant's sender, without I/O: a gap between messages, and a rest after refusals of the device.

use std::{collections::HashMap, time::Duration};

use simpul_domain::TenantId;

use crate::{backoff::Backoff, breaker::Breaker};

/// A device that refuses three times in a row is left alone.
const REST: Backoff = Backoff::new(Duration::from_secs(30), Duration::from_mins(30));

/// When each sender may send again. Time is a number of milliseconds that only grows.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    gap_ms: u64,
    next_ms: HashMap<TenantId, u64>,
    /// Tenants with a parcel under way, until its lease is over.
    busy_ms: HashMap<TenantId, u64>,
    breaker: Breaker<TenantId>,
}

impl Pace {
    pub(super) fn new(gap: Duration) -> Self {
        Self {
            gap_ms: u64::try_from(gap.as_millis()).unwrap_or(u64::MAX),
            next_ms: HashMap::new(),
            busy_ms: HashMap::new(),
            breaker: Breaker::new(REST),
        }
    }

    /// Whether a parcel of the tenant may be leased now.
    pub(super) fn allows(&mut self, tenant: TenantId, now_ms: u64) -> bool {
        let waits =
            |until: &HashMap<TenantId, u64>| until.get(&tenant).is_some_and(|until_ms| *until_ms > now_ms);
        !waits(&self.next_ms) && !waits(&self.busy_ms) && self.breaker.enter(&tenant, now_ms).is_ok()
    }

    /// A parcel was leased: the next one of the tenant waits for its end, and for the gap.
    pub(super) fn leased(&mut self, tenant: TenantId, now_ms: u64, lease: Duration) {
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        self.next_ms.insert(tenant, now_ms.saturating_add(self.gap_ms));
        self.busy_ms.insert(tenant, now_ms.saturating_add(lease_ms));
    }

    /// The leased parcel has ended.
    pub(super) fn ended(&mut self, tenant: TenantId) {
        self.busy_ms.remove(&tenant);
    }

    pub(super) fn succeeded(&mut self, tenant: TenantId) {
        self.breaker.succeeded(&tenant);
    }

    pub(super) fn refused(&mut self, tenant: TenantId, now_ms: u64) {
        self.breaker.failed(&tenant, now_ms);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_sender_keeps_its_gap_and_others_do_not_wait_for_it() {
        let (one, other) = (
            TenantId::new(Uuid::from_u128(1)),
            TenantId::new(Uuid::from_u128(2)),
        );
        let mut pace = Pace::new(Duration::from_secs(8));
        assert!(pace.allows(one, 0));
        pace.leased(one, 0, Duration::from_mins(3));
        assert!(pace.allows(other, 0));
        assert!(!pace.allows(one, 8_000), "the first one is still under way");
        pace.ended(one);
        assert!(!pace.allows(one, 7_999));
        assert!(pace.allows(one, 8_000));
    }

    #[test]
    fn a_device_that_refuses_three_times_rests() {
        let one = TenantId::new(Uuid::from_u128(1));
        let mut pace = Pace::new(Duration::ZERO);
        (0..3).for_each(|_| pace.refused(one, 0));
        assert!(!pace.allows(one, 29_999));
        assert!(pace.allows(one, 30_000), "one probe");
        assert!(!pace.allows(one, 30_000));
        pace.succeeded(one);
        assert!(pace.allows(one, 30_000));
    }
}
