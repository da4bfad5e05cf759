//! Word of how far this process' projections have come, for readers that wait. It may be lost, and says nothing of other
//! processes: whoever waits looks for himself now and then.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use simpul_domain::TenantId;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::timeout,
};

use super::projection;

/// Words kept for a slow listener before it is told to look.
const CAPACITY: usize = 1024;
/// Tenants remembered. When there are more, all are forgotten: then somebody looks too early, once.
const TENANTS: usize = 5_000;

/// How far each projection has come, by its name.
type Positions = Vec<(Box<str>, i64)>;

/// Fan-out within a process: the tenants of projections that have moved, and where they were last.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    word: broadcast::Sender<TenantId>,
    known: Known,
}

#[derive(Debug, Clone, Default)]
struct Known(Arc<Mutex<HashMap<TenantId, Positions>>>);

impl Default for Progress {
    fn default() -> Self {
        Self {
            word: broadcast::Sender::new(CAPACITY),
            known: Known::default(),
        }
    }
}

impl Progress {
    pub(super) fn tell(&self, subscriber: &str, tenant: TenantId, seq: i64) {
        if let Some((name, _)) = projection::parse_subscriber(subscriber) {
            self.known.keep(tenant, name, seq);
            // Nobody waiting is fine.
            let _ = self.word.send(tenant);
        }
    }

    pub(super) fn listen(&self) -> Waiting {
        Waiting {
            word: self.word.subscribe(),
            known: self.known.clone(),
        }
    }
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Positions>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, tenant: TenantId, name: &str, seq: i64) {
        let mut known = self.lock();
        if known.len() >= TENANTS && !known.contains_key(&tenant) {
            known.clear();
        }
        let positions = known.entry(tenant).or_default();
        match positions.iter_mut().find(|(other, _)| **other == *name) {
            Some((_, reached)) => *reached = seq.max(*reached),
            None => positions.push((name.into(), seq)),
        }
    }

    /// Whether one of these projections is known not to have come so far.
    fn is_behind(&self, tenant: TenantId, projections: &[&str], seq: i64) -> bool {
        let known = self.lock();
        let mut positions = known.get(&tenant).into_iter().flatten();
        positions.any(|(name, reached)| *reached < seq && projections.contains(&&**name))
    }
}

/// One who waits. What is said from now on is heard.
#[derive(Debug)]
pub(super) struct Waiting {
    word: broadcast::Receiver<TenantId>,
    known: Known,
}

impl Waiting {
    /// Whether a look would be too early, as far as this process knows.
    pub(super) fn is_behind(&self, tenant: TenantId, projections: &[&str], seq: i64) -> bool {
        self.known.is_behind(tenant, projections, seq)
    }

    /// Returns when these projections have reached a position, when that may have been missed, or in time.
    pub(super) async fn reached(&mut self, tenant: TenantId, projections: &[&str], seq: i64, time: Duration) {
        let heard = async {
            loop {
                match self.word.recv().await {
                    Ok(moved) if moved == tenant && !self.known.is_behind(tenant, projections, seq) => return,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        // Being late is as good a reason to look.
        let _ = timeout(time, heard).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["customers", "invoices"];

    fn tenant(number: u128) -> TenantId {
        TenantId::new(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn what_is_known_is_the_furthest_position_of_each_projection() {
        let progress = Progress::default();
        let waiting = progress.listen();
        assert!(
            !waiting.is_behind(tenant(1), &NAMES, 7),
            "nobody has said anything"
        );
        progress.tell("projection/customers/v1", tenant(1), 7);
        progress.tell("reactor", tenant(1), 3);
        assert!(!waiting.is_behind(tenant(1), &NAMES, 7));
        progress.tell("projection/invoices/v1", tenant(1), 6);
        assert!(waiting.is_behind(tenant(1), &NAMES, 7));
        assert!(!waiting.is_behind(tenant(1), &["customers"], 7));
        progress.tell("projection/customers/v2", tenant(1), 2);
        assert!(
            !waiting.is_behind(tenant(1), &["customers"], 7),
            "another version is behind"
        );
        assert!(!waiting.is_behind(tenant(2), &NAMES, 7), "another tenant");
    }

    #[test]
    fn too_many_tenants_are_forgotten() {
        let progress = Progress::default();
        for number in 0..=TENANTS {
            progress.tell("projection/customers/v1", tenant(number as u128), 1);
        }
        assert_eq!(progress.known.lock().len(), 1);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_when_all_have_come_so_far() {
        let progress = Progress::default();
        progress.tell("projection/customers/v1", tenant(1), 1);
        progress.tell("projection/invoices/v1", tenant(1), 1);
        let mut waiting = progress.listen();
        let long = Duration::from_mins(1);
        let reached = waiting.reached(tenant(1), &NAMES, 2, long);
        let telling = async {
            progress.tell("projection/customers/v1", tenant(1), 2);
            tokio::task::yield_now().await;
            progress.tell("projection/invoices/v1", tenant(1), 3);
        };
        let both = async { tokio::join!(reached, telling) };
        timeout(long / 2, both).await.expect("woken");
        assert!(!waiting.is_behind(tenant(1), &NAMES, 2));
    }
}
