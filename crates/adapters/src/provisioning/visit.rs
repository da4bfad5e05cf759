//! A visit to a router: some of its lanes, converged side by side over one session, so that a thousand lines cost neither a
//! thousand logins nor one wait after the other.
//!
//! INVARIANT: a process visits a router once at a time. A visit in which the router has failed ends: its lanes that have
//! not come to the router yet are put back, without a failure of their own.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use simpul_domain::{RouterId, TenantId, network::provisioning::FailureKind};
use simpul_event_store::inline::lane::Leased;
use tokio::{sync::Mutex as Door, time::Instant};

use super::router::Router;

type Place = (TenantId, String);

/// Routers that this process is at.
#[derive(Debug, Clone, Default)]
pub(super) struct Visited(Arc<Mutex<BTreeSet<Place>>>);

impl Visited {
    /// A tenant's routers that are not visited now.
    pub(super) fn of(&self, tenant: TenantId) -> Vec<String> {
        let places = self.open();
        let own = places.iter().filter(|(owner, _)| *owner == tenant);
        own.map(|(_, router)| router.clone()).collect()
    }

    /// The lanes as visits, one for each router.
    pub(super) fn begin(&self, lanes: Vec<Leased>) -> Vec<Visit> {
        let mut visits: Vec<Visit> = Vec::new();
        for lane in lanes {
            if let Some(visit) = visits.iter_mut().find(|visit| visit.is_for(&lane)) {
                visit.lanes.push(lane);
                continue;
            }
            let place = (lane.tenant, lane.target.clone());
            self.open().insert(place.clone());
            visits.push(Visit {
                lanes: vec![lane],
                stay: Stay {
                    visited: self.clone(),
                    place,
                },
            });
        }
        visits
    }

    fn open(&self) -> MutexGuard<'_, BTreeSet<Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leased lanes of one router.
#[derive(Debug)]
pub struct Visit {
    pub(super) lanes: Vec<Leased>,
    stay: Stay,
}

impl Visit {
    pub(super) fn tenant(&self) -> TenantId {
        self.stay.place.0
    }

    pub(super) fn router(&self) -> &str {
        &self.stay.place.1
    }

    fn is_for(&self, lane: &Leased) -> bool {
        self.tenant() == lane.tenant && self.router() == lane.target
    }
}

/// Ends with the visit, however that ends.
#[derive(Debug)]
struct Stay {
    visited: Visited,
    place: Place,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.visited.open().remove(&self.place);
    }
}

/// A router that was opened in this visit.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) router: Router,
    pub(super) serial: Option<String>,
    pub(super) expected: Option<String>,
}

/// Why a lane has no router to work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// Its router failed as this lane opened it.
    Failed(FailureKind),
    /// The tenant has no such router.
    NoRouter,
    /// What is known of the router could not be read.
    Unreadable,
}

/// The one session of a visit: the lane that needs it first opens it, and the others wait for that.
#[derive(Debug)]
pub(super) struct Session {
    opened: Door<Option<Arc<Opened>>>,
    failed: AtomicBool,
    proved: AtomicBool,
    pub(super) router: RouterId,
    /// The version of the wishes as of which the router is looked up. A newer wish may be about another address.
    pub(super) as_of: u64,
    /// No lane begins later than this.
    begin_by: Instant,
    /// The router must not be written to when the leases may be over.
    pub(super) deadline: Instant,
}

impl Session {
    /// A visit that begins in the first half of its leases has the other half.
    pub(super) fn of(router: RouterId, as_of: u64, lease: Duration) -> Self {
        let now = Instant::now();
        Self {
            opened: Door::default(),
            failed: AtomicBool::new(false),
            proved: AtomicBool::new(false),
            router,
            as_of,
            begin_by: now + lease / 4,
            deadline: now + lease / 2,
        }
    }

    /// The router, opened by `open` if nobody has done that yet; nothing when the visit is over or older than the wish.
    pub(super) async fn enter(
        &self,
        version: u64,
        open: impl Future<Output = Result<Opened, Closed>>,
    ) -> Option<Result<Arc<Opened>, Closed>> {
        let mut opened = self.opened.lock().await;
        if self.is_over() || version > self.as_of {
            return None;
        }
        if let Some(opened) = &*opened {
            return Some(Ok(Arc::clone(opened)));
        }
        Some(match open.await {
            Ok(new) => Ok(Arc::clone(opened.insert(Arc::new(new)))),
            Err(closed) => {
                if let Closed::Failed(_) = closed {
                    self.fail();
                }
                Err(closed)
            }
        })
    }

    /// Whether a lane that has not begun is put back.
    pub(super) fn is_over(&self) -> bool {
        self.has_failed() || Instant::now() >= self.begin_by
    }

    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    pub(super) fn prove(&self) {
        self.proved.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_proved(&self) -> bool {
        self.proved.load(Ordering::Relaxed)
    }

    pub(super) async fn close(self) {
        let opened = self.opened.into_inner().and_then(Arc::into_inner);
        if let Some(opened) = opened {
            opened.router.close().await;
        }
    }
}
