//! Rows as of an event, read once and shared by everybody who listens.
//!
//! INVARIANT: a reading is named by its tenant, and whoever takes it has been asked for the permission; rows carry no
//! more than what that permission shows.

use std::{
    any::{Any, TypeId},
    collections::VecDeque,
    fmt::Display,
    sync::{Arc, Mutex, PoisonError},
};

use simpul_domain::TenantId;
use tokio::sync::OnceCell;

/// Readings kept: those of the newest events. Who is further behind reads anew.
const KEPT: usize = 512;

type Name = (TenantId, i64, TypeId, String);

/// What was read last.
#[derive(Debug, Default)]
pub(crate) struct Readings(Mutex<VecDeque<(Name, Arc<dyn Any + Send + Sync>)>>);

impl Readings {
    /// The reading of a row for the event at `seq`. The first to come makes it, the others wait.
    pub(crate) fn of<R: Send + Sync + 'static>(
        &self,
        tenant: TenantId,
        seq: i64,
        id: impl Display,
    ) -> Arc<OnceCell<R>> {
        let name = (tenant, seq, TypeId::of::<R>(), id.to_string());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The newest are asked for most.
        let known = kept.iter().rev().find(|(known, _)| *known == name);
        if let Some(reading) = known.and_then(|(_, reading)| Arc::clone(reading).downcast().ok()) {
            return reading;
        }
        let reading = Arc::new(OnceCell::new());
        kept.push_back((name, Arc::clone(&reading) as Arc<dyn Any + Send + Sync>));
        let excess = kept.len().saturating_sub(KEPT);
        kept.drain(..excess);
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_row_is_read_once_for_each_event_and_tenant() {
        let readings = Readings::default();
        let other = TenantId::new(uuid::Uuid::from_u128(7));
        let (first, again) = (
            readings.of::<u8>(TenantId::PLATFORM, 1, "a"),
            readings.of::<u8>(TenantId::PLATFORM, 1, "a"),
        );
        assert!(Arc::ptr_eq(&first, &again));
        first.get_or_init(|| async { 5 }).await;
        assert_eq!(again.get(), Some(&5));
        assert_eq!(readings.of::<u8>(other, 1, "a").get(), None);
        assert_eq!(readings.of::<u8>(TenantId::PLATFORM, 1, "b").get(), None);
        assert_eq!(readings.of::<u8>(TenantId::PLATFORM, 2, "a").get(), None);
        assert_eq!(readings.of::<u16>(TenantId::PLATFORM, 1, "a").get(), None);
        for seq in 3..600 {
            readings.of::<u8>(TenantId::PLATFORM, seq, "a");
        }
        assert!(readings.0.lock().expect("lock").len() <= KEPT);
    }
}
