//! From what is stored to the books of routers, and from what they say to rows and events.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use simpul_domain::{
    RadiusSessionId, RouterId,
    accounting::{Book, News, RadiusSession, SessionRow},
};
use simpul_event_store::{
    TenantTx, Work,
    inline::{
        Inline,
        radius::{self, Change, Router, Sample, Session},
    },
};

use crate::{Outcome, decide};

/// A router's book, and as what it was read.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) stored: Router,
    pub(super) book: Book,
    /// Where the streams of its sessions stand, as far as their rows tell.
    streams: BTreeMap<RadiusSessionId, (RadiusSession, i64)>,
    pub(super) samples: Vec<Sample>,
}

/// Routers as they are stored.
pub(super) async fn routers(tx: &mut TenantTx, ids: &BTreeSet<RouterId>) -> Outcome<Vec<Router>> {
    let ids: Vec<RouterId> = ids.iter().copied().collect();
    Ok(radius::routers(tx, &ids).await?)
}

/// Books over sessions that were read after their routers.
pub(super) fn over(
    routers: Vec<Router>,
    sessions: Vec<(RouterId, Session)>,
    interim: TimeDelta,
) -> BTreeMap<RouterId, Open> {
    let mut by_router: BTreeMap<RouterId, Vec<Session>> = BTreeMap::new();
    for (router, session) in sessions {
        by_router.entry(router).or_default().push(session);
    }
    let books = routers.into_iter().map(|stored| {
        let sessions = by_router.remove(&stored.id).unwrap_or_default();
        let told = sessions.iter().filter(|session| session.version > 0);
        let streams = told
            .map(|Session { row, version }| (row.session, (RadiusSession::of(row), *version)))
            .collect();
        let rows = sessions.into_iter().map(|session| session.row);
        let open = Open {
            stored,
            book: Book::new(stored.id, stored.hearing, rows, interim),
            streams,
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
    let told: BTreeSet<RadiusSessionId> = news.iter().map(|(session, _)| *session).collect();
    for (session, (stream, version)) in books.values().flat_map(|open| &open.streams) {
        if told.contains(session) {
            work.resume(&session.to_string(), *stream, *version);
        }
    }
    let streams: Vec<String> = told.iter().map(ToString::to_string).collect();
    work.load_ahead::<RadiusSession>(&streams).await?;
    for (session, command) in news {
        decide::<RadiusSession>(work, &session.to_string(), command).await?;
    }
    for open in books.into_values() {
        let mut sessions = Vec::new();
        for row in open.book.changed() {
            let version = if told.contains(&row.session) {
                version(work, row).await?
            } else {
                open.streams.get(&row.session).map_or(0, |(_, version)| *version)
            };
            let row = row.clone();
            sessions.push(Session { row, version });
        }
        let hearing = open.book.hearing();
        if sessions.is_empty() && open.samples.is_empty() && hearing == open.stored.hearing {
            continue;
        }
        work.inline(Inline::Radius(Change {
            router: Router {
                hearing,
                ..open.stored
            },
            sessions,
            samples: open.samples,
        }));
    }
    Ok(())
}

/// Where a session's stream stands after what was decided on it; 0 if it knows more than the row.
async fn version(work: &mut Work<'_>, row: &SessionRow) -> Outcome<i64> {
    let id = row.session.to_string();
    let stream = *work.load::<RadiusSession>(&id).await?;
    let version = work.version::<RadiusSession>(&id);
    Ok(version
        .filter(|_| stream == RadiusSession::of(row))
        .unwrap_or_default())
}
