//! Word of how far this process' projections have come, for readers that wait. It says nothing of other processes: whoever
//! waits looks for himself now and then.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use simpul_domain::TenantId;
use tokio::{sync::Notify, time::timeout};

use super::projection;

/// Tenants remembered. When there are more, all that nobody waits for are forgotten: then somebody looks too early, once.
const TENANTS: usize = 5_000;

/// How far the projections of each tenant have come, and who waits for that.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known(HashMap<TenantId, Followed>);

/// What is known of a tenant.
#[derive(Debug, Default)]
struct Followed {
    /// How far each projection has come, by its name.
    positions: Vec<(Box<str>, i64)>,
    waiting: Vec<Weak<Reader>>,
}

/// Who waits until these projections have come so far.
#[derive(Debug)]
struct Reader {
    projections: Vec<Box<str>>,
    seq: i64,
    word: Notify,
}

impl Reader {
    fn reads(&self, name: &str) -> bool {
        self.projections.iter().any(|projection| **projection == *name)
    }
}

impl Followed {
    fn keep(&mut self, name: &str, seq: i64) {
        match self.positions.iter_mut().find(|(other, _)| **other == *name) {
            Some((_, reached)) => *reached = seq.max(*reached),
            None => self.positions.push((name.into(), seq)),
        }
    }

    /// Whether this process writes all that the reader reads.
    fn is_followed(&self, reader: &Reader) -> bool {
        let mut names = reader.projections.iter();
        names.all(|name| self.positions.iter().any(|(known, _)| known == name))
    }

    /// Whether one of the reader's projections is known not to have come so far.
    fn is_behind(&self, reader: &Reader) -> bool {
        self.positions
            .iter()
            .any(|(name, reached)| *reached < reader.seq && reader.reads(name))
    }

    /// Forgets the readers that wait no longer.
    fn forget_gone(&mut self) {
        self.waiting.retain(|reader| reader.strong_count() > 0);
    }
}

impl Progress {
    /// Wakes the readers that this was the last thing to wait for, and nobody else.
    pub(super) fn tell(&self, subscriber: &str, tenant: TenantId, seq: i64) {
        let Some((name, _)) = projection::parse_subscriber(subscriber) else {
            return;
        };
        let mut known = self.lock();
        let followed = known.of(tenant);
        followed.keep(name, seq);
        for reader in followed.waiting.iter().filter_map(Weak::upgrade) {
            if reader.reads(name) && !followed.is_behind(&reader) {
                reader.word.notify_one();
            }
        }
    }

    /// This process does not write the projection any more, or not all of it: until there is word of a tenant again, none is
    /// sure to come.
    pub(super) fn forget(&self, subscriber: &str) {
        let Some((name, _)) = projection::parse_subscriber(subscriber) else {
            return;
        };
        for followed in self.lock().0.values_mut() {
            followed.positions.retain(|(other, _)| **other != *name);
        }
    }

    /// From now on no word is missed.
    pub(super) fn wait_for(&self, tenant: TenantId, projections: &[&str], seq: i64) -> Waiting {
        let reader = Arc::new(Reader {
            projections: projections.iter().map(|name| (*name).into()).collect(),
            seq,
            word: Notify::new(),
        });
        let mut known = self.lock();
        let followed = known.of(tenant);
        followed.waiting.push(Arc::downgrade(&reader));
        Waiting {
            is_behind: followed.is_behind(&reader),
            is_followed: followed.is_followed(&reader),
            reader,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn of(&mut self, tenant: TenantId) -> &mut Followed {
        if self.0.len() >= TENANTS && !self.0.contains_key(&tenant) {
            self.0.retain(|_, followed| {
                followed.forget_gone();
                !followed.waiting.is_empty()
            });
        }
        let followed = self.0.entry(tenant).or_default();
        followed.forget_gone();
        followed
    }
}

/// One who waits, until it is dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    reader: Arc<Reader>,
    /// Whether a look would have been too early when the wait began, as far as this process knew.
    pub(super) is_behind: bool,
    /// Whether there will be word: of others than this process' projections there is none.
    pub(super) is_followed: bool,
}

impl Waiting {
    /// Returns when there is word that all projections of this process have come so far, or in time. Says whether there was.
    pub(super) async fn reached(&self, time: Duration) -> bool {
        timeout(time, self.reader.word.notified()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["customers", "invoices"];

    fn tenant(number: u128) -> TenantId {
        TenantId::new(uuid::Uuid::from_u128(number))
    }

    fn is_behind(progress: &Progress, number: u128, names: &[&str], seq: i64) -> bool {
        progress.wait_for(tenant(number), names, seq).is_behind
    }

    async fn is_woken(waiting: &Waiting) -> bool {
        timeout(Duration::ZERO, waiting.reader.word.notified())
            .await
            .is_ok()
    }

    #[test]
    fn what_is_known_is_the_furthest_position_of_each_projection() {
        let progress = Progress::default();
        assert!(!is_behind(&progress, 1, &NAMES, 7), "nobody has said anything");
        progress.tell("projection/customers/v1", tenant(1), 7);
        progress.tell("reactor", tenant(1), 3);
        assert!(!is_behind(&progress, 1, &NAMES, 7));
        progress.tell("projection/invoices/v1", tenant(1), 6);
        assert!(is_behind(&progress, 1, &NAMES, 7));
        assert!(!is_behind(&progress, 1, &["customers"], 7));
        progress.tell("projection/customers/v2", tenant(1), 2);
        assert!(
            !is_behind(&progress, 1, &["customers"], 7),
            "another version is behind"
        );
        assert!(!is_behind(&progress, 2, &NAMES, 7), "another tenant");
    }

    #[test]
    fn word_is_sure_of_what_this_process_writes_until_it_does_not() {
        let progress = Progress::default();
        let is_followed = |names: &[&str]| progress.wait_for(tenant(1), names, 2).is_followed;
        progress.tell("projection/customers/v1", tenant(1), 1);
        assert!(is_followed(&["customers"]));
        assert!(!is_followed(&NAMES), "invoices are another's");
        progress.tell("projection/invoices/v1", tenant(1), 1);
        assert!(is_followed(&NAMES));
        progress.forget("projection/customers/v1");
        assert!(!is_followed(&NAMES));
        assert!(is_followed(&["invoices"]));
        assert!(
            !is_behind(&progress, 1, &["customers"], 2),
            "nothing is known of them"
        );
    }

    #[tokio::test]
    async fn too_many_tenants_are_forgotten_unless_somebody_waits() {
        let progress = Progress::default();
        let waiting = progress.wait_for(tenant(0), &NAMES, 2);
        for number in 0..=TENANTS {
            progress.tell("projection/customers/v1", tenant(number as u128), 1);
        }
        assert_eq!(progress.lock().0.len(), 2);
        progress.tell("projection/customers/v1", tenant(0), 2);
        assert!(is_woken(&waiting).await);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_when_all_have_come_so_far_and_by_nothing_else() {
        let progress = Progress::default();
        progress.tell("projection/customers/v1", tenant(1), 1);
        progress.tell("projection/invoices/v1", tenant(1), 1);
        let waiting = progress.wait_for(tenant(1), &NAMES, 2);
        let other = progress.wait_for(tenant(1), &["routers"], 2);
        progress.tell("projection/invoices/v1", tenant(2), 2);
        progress.tell("projection/customers/v1", tenant(1), 2);
        assert!(!is_woken(&waiting).await, "invoices are behind");
        progress.tell("projection/invoices/v1", tenant(1), 3);
        assert!(is_woken(&waiting).await);
        assert!(!is_woken(&waiting).await, "once");
        assert!(!is_woken(&other).await);
    }

    #[test]
    fn whoever_went_away_leaves_nothing_behind() {
        let progress = Progress::default();
        for _ in 0..3 {
            drop(progress.wait_for(tenant(1), &NAMES, 2));
        }
        let _waiting = progress.wait_for(tenant(1), &NAMES, 2);
        assert_eq!(progress.lock().of(tenant(1)).waiting.len(), 1);
    }
}
