//! Records of routers, and sessions that are lost: `app/src/accounting`.

use std::collections::{BTreeMap, BTreeSet};

use simpul_adapters::radius::{Packet, SessionPacket};
use simpul_domain::{
    RadiusSessionId, RouterId, SubscriptionId,
    accounting::{
        Book, Caller, Count, INTERIM, Kind, NasRecord, News, Octets, RadiusSession, Reading, Record, SILENT,
        SessionRow, believed,
    },
};

use simpul_event_store::inline::radius::Session;

use super::USERNAME;
use crate::{
    cast::{
        accounting::Told,
        command::{Answer, Failure},
        work::Work,
    },
    model::{
        accounting::{Accounting, Change, Found, Stored},
        store::InlineRow,
    },
    plant::Plant,
    world::World,
};

/// Sessions ended at once.
const BATCH: usize = 500;

/// A router's book, and as what it was read.
struct Open {
    stored: Stored,
    book: Book,
    /// Where the streams of its sessions stand, as far as their rows tell.
    streams: BTreeMap<RadiusSessionId, (RadiusSession, i64)>,
}

/// Asks the database for sessions, which may not answer.
async fn ask<R>(work: &Work<'_>, question: impl FnOnce(&Accounting) -> R) -> Result<R, Failure> {
    let seat = work.seat();
    seat.pause().await;
    seat.with(|world: &mut World| {
        world
            .store_answers()
            .then(|| question(&world.store.accounting))
            .ok_or(Failure::Unavailable)
    })
}

fn is_planted(work: &Work<'_>, plant: Plant) -> bool {
    work.seat().with(|world| world.is_planted(plant))
}

async fn versions(
    work: &Work<'_>,
    routers: &BTreeSet<RouterId>,
) -> Result<BTreeMap<RouterId, Stored>, Failure> {
    let tenant = work.tenant();
    ask(work, |accounting| {
        routers
            .iter()
            .map(|router| (*router, accounting.router(tenant, *router)))
            .collect()
    })
    .await
}

fn books(versions: BTreeMap<RouterId, Stored>, found: Vec<Found>) -> BTreeMap<RouterId, Open> {
    let mut by_router: BTreeMap<RouterId, Vec<Session>> = BTreeMap::new();
    for (router, session) in found {
        by_router.entry(router).or_default().push(session);
    }
    versions
        .into_iter()
        .map(|(router, stored)| {
            let sessions = by_router.remove(&router).unwrap_or_default();
            let streams = sessions
                .iter()
                .filter(|session| session.version > 0)
                .map(|Session { row, version }| (row.session, (RadiusSession::of(row), *version)))
                .collect();
            let rows = sessions.into_iter().map(|session| session.row);
            let book = Book::new(router, stored.hearing, rows, INTERIM);
            let open = Open {
                stored,
                book,
                streams,
            };
            (router, open)
        })
        .collect()
}

async fn close(
    work: &mut Work<'_>,
    books: BTreeMap<RouterId, Open>,
    news: Vec<News>,
) -> Result<Answer, Failure> {
    let told: BTreeSet<RadiusSessionId> = news.iter().map(|(session, _)| *session).collect();
    for (session, (stream, version)) in books.values().flat_map(|open| &open.streams) {
        if told.contains(session) {
            work.resume(session.as_uuid(), *stream, *version);
        }
    }
    for (session, command) in news {
        work.decide::<RadiusSession>(session.as_uuid(), command).await?;
    }
    for (router, open) in books {
        let mut sessions = Vec::new();
        for row in open.book.changed() {
            let version = if told.contains(&row.session) {
                let id = row.session.as_uuid();
                let stream = work.load::<RadiusSession>(id).await?;
                let version = work.version::<RadiusSession>(id);
                version
                    .filter(|_| stream == RadiusSession::of(row))
                    .unwrap_or_default()
            } else {
                open.streams.get(&row.session).map_or(0, |(_, version)| *version)
            };
            let row = row.clone();
            sessions.push(Session { row, version });
        }
        let hearing = open.book.hearing();
        if sessions.is_empty() && hearing == open.stored.hearing {
            continue;
        }
        work.inline(InlineRow::Radius(Change {
            router,
            version: open.stored.version,
            hearing,
            sessions,
        }));
    }
    Ok(Answer::Nothing)
}

fn session_of(told: &Told, packet: &SessionPacket) -> RadiusSessionId {
    RadiusSessionId::derive(told.router.as_uuid(), &packet.unique_id)
}

fn caller_of(told: &Told, packet: &SessionPacket) -> Option<Caller> {
    let (user, station) = (packet.user.as_ref()?, packet.station.as_ref()?);
    Some(Caller::new(format!("{}/{user}/{station}", told.router)))
}

/// Reads what records are about: the routers first, so that whoever writes meanwhile makes their versions old ones.
async fn open(work: &Work<'_>, records: &[Told]) -> Result<BTreeMap<RouterId, Open>, Failure> {
    let tenant = work.tenant();
    let (mut routers, mut whole, mut sessions) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for told in records {
        routers.insert(told.router);
        match &told.packet {
            Packet::Session(packet) => drop(sessions.insert(session_of(told, packet))),
            Packet::On | Packet::Off => drop(whole.insert(told.router)),
            Packet::Other => {}
        }
    }
    let rows = async || {
        let mut rows: Vec<Found> = ask(work, |accounting| {
            let found = sessions
                .iter()
                .filter_map(|session| accounting.session(tenant, *session));
            found.cloned().collect()
        })
        .await?;
        let callers = unsettled(records, &rows);
        rows.extend(ask(work, |accounting| accounting.of_callers(tenant, &callers)).await?);
        rows.extend(ask(work, |accounting| accounting.open(tenant, &whole)).await?);
        Ok::<_, Failure>(rows)
    };
    if is_planted(work, Plant::VersionReadLast) {
        let rows = rows().await?;
        return Ok(books(versions(work, &routers).await?, rows));
    }
    let versions = versions(work, &routers).await?;
    Ok(books(versions, rows().await?))
}

/// Whose other sessions matter: of records that say something new of who calls or when the session began.
fn unsettled(records: &[Told], found: &[Found]) -> BTreeSet<(RouterId, Caller)> {
    let rows: BTreeMap<RadiusSessionId, &SessionRow> = found
        .iter()
        .map(|(_, session)| (session.row.session, &session.row))
        .collect();
    let callers = records.iter().filter_map(|told| {
        let Packet::Session(packet) = &told.packet else {
            return None;
        };
        let row = rows.get(&session_of(told, packet));
        let at = believed(told.at, told.heard_at);
        if row.is_some_and(|row| row.is_settled(packet.kind, at, packet.reading)) {
            return None;
        }
        let known = row.and_then(|row| row.caller.clone());
        Some((told.router, known.or_else(|| caller_of(told, packet))?))
    });
    callers.collect()
}

async fn line_of(
    work: &Work<'_>,
    told: &Told,
    packet: &SessionPacket,
) -> Result<Option<SubscriptionId>, Failure> {
    let Some(user) = &packet.user else { return Ok(None) };
    let name = format!("{}/{user}", told.router);
    let owner = work.ask(|log| log.claimed_by(USERNAME, &name)).await?;
    Ok(owner.map(SubscriptionId::new))
}

pub(super) async fn record(work: &mut Work<'_>, records: Vec<Told>) -> Result<Answer, Failure> {
    work.unrecorded();
    let mut books = open(work, &records).await?;
    let mut news = Vec::new();
    for told in &records {
        let line = match &told.packet {
            Packet::Session(packet) => line_of(work, told, packet).await?,
            Packet::On | Packet::Off | Packet::Other => None,
        };
        let adds = is_planted(work, Plant::CountersAdded);
        let reopens = is_planted(work, Plant::SessionReopened);
        let Some(open) = books.get_mut(&told.router) else {
            continue;
        };
        let (at, heard_at) = (believed(told.at, told.heard_at), told.heard_at);
        match &told.packet {
            Packet::Session(packet) => {
                let session = session_of(told, packet);
                let mut record = Record {
                    session,
                    kind: packet.kind,
                    at,
                    heard_at,
                    reading: packet.reading,
                    caller: caller_of(told, packet),
                    line,
                    who: None,
                };
                if adds {
                    record.reading = added(&open.book, &record);
                }
                if reopens && packet.kind == Kind::Interim {
                    reopen(open, session);
                }
                news.extend(open.book.take(&record));
            }
            Packet::On | Packet::Off => news.extend(open.book.restart(NasRecord { at, heard_at })),
            Packet::Other => {}
        }
    }
    close(work, books, news).await
}

pub(super) async fn sweep(work: &mut Work<'_>) -> Result<Answer, Failure> {
    work.unrecorded();
    let (tenant, now) = (work.tenant(), work.at());
    let (before, long_before) = (now - Book::patience(INTERIM), now - SILENT);
    let lost = |accounting: &Accounting| accounting.lost(tenant, before, long_before, BATCH);
    let suspects = ask(work, lost).await?;
    let routers = suspects.into_iter().map(|(router, _)| router).collect();
    let versions = versions(work, &routers).await?;
    // Once more: what was heard of meanwhile is not lost.
    let rows = ask(work, lost).await?;
    let mut books = books(versions, rows);
    let mut news = Vec::new();
    for open in books.values_mut() {
        news.extend(open.book.sweep(now));
    }
    close(work, books, news).await
}

/// A planted bug: a counter is taken for what came since the last one.
fn added(book: &Book, record: &Record) -> Option<Reading> {
    let reading = record.reading?;
    let before = book
        .row(record.session)
        .map(|row| row.meter.usage)
        .unwrap_or_default();
    let more = |count: Count, octets: Octets| Count {
        octets: Octets::try_new(count.octets.get() + octets.get()).unwrap_or(Octets::MAX),
        wide: true,
    };
    Some(Reading {
        input: more(reading.input, before.input_octets),
        output: more(reading.output, before.output_octets),
        ..reading
    })
}

/// A planted bug: who is heard of is taken for being online.
fn reopen(open: &mut Open, session: RadiusSessionId) {
    let rows: Vec<SessionRow> = open
        .book
        .rows()
        .cloned()
        .map(|mut row| {
            if row.session == session {
                row.ended = None;
            }
            row
        })
        .collect();
    open.book = Book::new(open.book.router(), open.book.hearing(), rows, INTERIM);
}
