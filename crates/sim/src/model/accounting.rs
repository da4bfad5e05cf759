//! Sessions of lines as `event-store/src/inline/radius.rs` keeps them: rows, and routers whose version every writer stands on.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use simpul_domain::{
    RadiusSessionId, RouterId, TenantId,
    accounting::{Caller, RouterHearing},
};
use simpul_event_store::inline::radius::Session;

/// A router as it is stored; version 0 is nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    pub hearing: RouterHearing,
    pub version: i64,
}

/// What a transaction writes about a router.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub router: RouterId,
    /// The version that was read.
    pub version: i64,
    pub hearing: RouterHearing,
    pub sessions: Vec<Session>,
}

/// A session with its router.
pub type Found = (RouterId, Session);

/// All sessions.
#[derive(Debug, Clone, Default)]
pub struct Accounting {
    routers: BTreeMap<(TenantId, RouterId), Stored>,
    sessions: BTreeMap<(TenantId, RadiusSessionId), Found>,
    /// A planted bug: nobody looks at the version.
    pub unversioned: bool,
}

impl Accounting {
    pub fn router(&self, tenant: TenantId, router: RouterId) -> Stored {
        self.routers.get(&(tenant, router)).copied().unwrap_or(Stored {
            hearing: RouterHearing::default(),
            version: 0,
        })
    }

    pub fn session(&self, tenant: TenantId, session: RadiusSessionId) -> Option<&Found> {
        self.sessions.get(&(tenant, session))
    }

    /// A tenant's sessions in the order of their ids.
    pub fn of(&self, tenant: TenantId) -> impl Iterator<Item = &Found> {
        let sessions = self.sessions.iter();
        sessions
            .filter(move |((owner, _), _)| *owner == tenant)
            .map(|(_, found)| found)
    }

    /// Of each caller at a router the open sessions, and one of those that began last.
    pub fn of_callers(&self, tenant: TenantId, callers: &BTreeSet<(RouterId, Caller)>) -> Vec<Found> {
        let mut all = Vec::new();
        for (router, caller) in callers {
            let of_caller = || {
                self.of(tenant)
                    .filter(|(at, session)| at == router && session.row.caller.as_ref() == Some(caller))
            };
            all.extend(of_caller().filter(|(_, session)| session.row.is_open()).cloned());
            all.extend(
                of_caller()
                    .max_by_key(|(_, session)| session.row.began.at)
                    .cloned(),
            );
        }
        all
    }

    /// The open sessions of these routers.
    pub fn open(&self, tenant: TenantId, routers: &BTreeSet<RouterId>) -> Vec<Found> {
        self.of(tenant)
            .filter(|(router, session)| routers.contains(router) && session.row.is_open())
            .cloned()
            .collect()
    }

    /// Open sessions of which nothing came since `before` although their router was heard, or since `long_before`.
    pub fn lost(
        &self,
        tenant: TenantId,
        before: DateTime<Utc>,
        long_before: DateTime<Utc>,
        limit: usize,
    ) -> Vec<Found> {
        let is_lost = |(router, Session { row, .. }): &&Found| {
            let RouterHearing {
                heard_at: Some(heard_at),
                heard_since: Some(since),
                ..
            } = self.router(tenant, *router).hearing
            else {
                return false;
            };
            let silent = heard_at >= before && row.heard_at.max(since) < before;
            row.is_open() && (silent || row.heard_at < long_before)
        };
        let mut lost: Vec<Found> = self.of(tenant).filter(is_lost).cloned().collect();
        lost.sort_by_key(|(router, session)| (*router, session.row.session));
        lost.truncate(limit);
        lost
    }

    /// Whether a change stands on what is stored.
    pub fn stands(&self, tenant: TenantId, change: &Change) -> bool {
        self.unversioned || self.router(tenant, change.router).version == change.version
    }

    /// Writes a change that stands.
    pub fn write(&mut self, tenant: TenantId, change: Change) {
        let version = self.router(tenant, change.router).version + 1;
        let stored = Stored {
            hearing: change.hearing,
            version,
        };
        self.routers.insert((tenant, change.router), stored);
        for session in change.sessions {
            let id = session.row.session;
            self.sessions.insert((tenant, id), (change.router, session));
        }
    }

    /// Forgets sessions that are over and were last heard of before `before`, the oldest first.
    pub fn forget(&mut self, tenant: TenantId, before: DateTime<Utc>, limit: usize) -> usize {
        let mut old: Vec<(DateTime<Utc>, RadiusSessionId)> = self
            .of(tenant)
            .map(|(_, session)| &session.row)
            .filter(|row| !row.is_open() && row.began.at < before && row.last_at < before)
            .map(|row| (row.began.at, row.session))
            .collect();
        old.sort_unstable();
        old.truncate(limit);
        for (_, session) in &old {
            self.sessions.remove(&(tenant, *session));
        }
        old.len()
    }
}
