//! From what is stored to the books of routers, and from what they say to rows and events.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use simpul_domain::{
    RadiusSessionId, RouterId,
    accounting::{Book, Caller, News, RadiusSession, SessionRow},
};
use simpul_event_store::{
    TenantTx, Work,
    inline::{
        Inline,
        radius::{self, Change, Router, Sample},
    },
};

use crate::{Outcome, decide};

/// What books are asked about.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) routers: BTreeSet<RouterId>,
    pub(super) sessions: BTreeSet<RadiusSessionId>,
    pub(super) callers: BTreeSet<(RouterId, Caller)>,
    /// Routers all of whose open sessions may end.
    pub(super) whole: BTreeSet<RouterId>,
}

/// A router's book, and as what it was read.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) stored: Router,
    pub(super) book: Book,
    pub(super) samples: Vec<Sample>,
}

/// Every router that is asked about with the sessions that matter.
pub(super) async fn open(
    tx: &mut TenantTx,
    asked: &Asked,
    interim: TimeDelta,
) -> Outcome<BTreeMap<RouterId, Open>> {
    // INVARIANT: before any of its sessions is read. Whoever writes meanwhile makes this version an old one.
    let routers = routers(tx, &asked.routers).await?;
    let mut rows = Vec::new();
    if !asked.sessions.is_empty() {
        let sessions: Vec<RadiusSessionId> = asked.sessions.iter().copied().collect();
        rows.extend(radius::sessions(tx, &sessions).await?);
    }
    if !asked.callers.is_empty() {
        let callers: Vec<(RouterId, Caller)> = asked.callers.iter().cloned().collect();
        rows.extend(radius::of_callers(tx, &callers).await?);
    }
    if !asked.whole.is_empty() {
        let whole: Vec<RouterId> = asked.whole.iter().copied().collect();
        rows.extend(radius::open(tx, &whole).await?);
    }
    Ok(over(routers, rows, interim))
}

/// Routers as they are stored.
pub(super) async fn routers(tx: &mut TenantTx, ids: &BTreeSet<RouterId>) -> Outcome<Vec<Router>> {
    let ids: Vec<RouterId> = ids.iter().copied().collect();
    Ok(radius::routers(tx, &ids).await?)
}

/// Books over rows that were read after their routers.
pub(super) fn over(
    routers: Vec<Router>,
    rows: Vec<(RouterId, SessionRow)>,
    interim: TimeDelta,
) -> BTreeMap<RouterId, Open> {
    let mut by_router: BTreeMap<RouterId, Vec<SessionRow>> = BTreeMap::new();
    for (router, row) in rows {
        by_router.entry(router).or_default().push(row);
    }
    let books = routers.into_iter().map(|stored| {
        let rows = by_router.remove(&stored.id).unwrap_or_default();
        let open = Open {
            stored,
            book: Book::new(stored.id, stored.hearing, rows, interim),
            samples: Vec::new(),
        };
        (stored.id, open)
    });
    books.collect()
}

/// Has the log say what the books have said, and writes them. In the order of the routers: two who write of the same ones
/// wait for each other, and not crosswise.
pub(super) async fn close(
    work: &mut Work<'_>,
    books: BTreeMap<RouterId, Open>,
    news: Vec<News>,
) -> Outcome<()> {
    let streams: BTreeSet<String> = news.iter().map(|(session, _)| session.to_string()).collect();
    let streams: Vec<String> = streams.into_iter().collect();
    work.load_ahead::<RadiusSession>(&streams).await?;
    for (session, command) in news {
        decide::<RadiusSession>(work, &session.to_string(), command).await?;
    }
    for open in books.into_values() {
        let rows: Vec<SessionRow> = open.book.changed().cloned().collect();
        let hearing = open.book.hearing();
        if rows.is_empty() && open.samples.is_empty() && hearing == open.stored.hearing {
            continue;
        }
        work.inline(Inline::Radius(Change {
            router: Router {
                hearing,
                ..open.stored
            },
            rows,
            samples: open.samples,
        }));
    }
    Ok(())
}
