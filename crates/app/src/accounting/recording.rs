//! Takes a batch of records of one tenant.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use simpul_domain::{
    RadiusSessionId, RouterId, Sealed, SubscriptionId,
    accounting::{Caller, Kind, NasRecord, Record, SessionRow, believed},
    network::{Router, router::RouterStatus},
    subscriptions::{PppUsername, Subscription},
};
use simpul_event_store::{
    Access, Command, StoreError, TenantTx, Work,
    inline::radius::{self, Sample},
    vault::Keyring,
};

use super::{
    CALLER_SCOPE, SessionTold, Told, WHO_FIELD, What,
    book::{self, Open},
};
use crate::{Outcome, Personal, Refusal, permission, subscriptions};

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// It is part of what is known, and was perhaps before.
    Taken,
    /// The tenant has no such router.
    UnknownRouter,
}

/// Takes records of a tenant's routers, all of them or none. A repeated one changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordAccounting {
    /// How often routers tell of a session.
    pub interim_seconds: u32,
    pub records: Vec<Told>,
}

impl Command for RecordAccounting {
    const NAME: &'static str = "accounting.record";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    const UNRECORDED: bool = true;
    /// In the order of the records.
    type Answer = Vec<Taken>;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<Vec<Taken>> {
        let known = known_routers(work, &self.records).await?;
        let records: Vec<Entry<'_>> = self
            .records
            .iter()
            .filter(|told| known.contains(&told.router))
            .map(Entry::of)
            .collect();
        let taken = self.records.iter().map(|told| {
            if known.contains(&told.router) {
                Taken::Taken
            } else {
                Taken::UnknownRouter
            }
        });
        if !records.is_empty() {
            let interim = TimeDelta::seconds(self.interim_seconds.into());
            take(work, records, interim).await?;
        }
        Ok(taken.collect())
    }
}

/// One record with what it is about.
struct Entry<'a> {
    router: RouterId,
    at: DateTime<Utc>,
    heard_at: DateTime<Utc>,
    what: About<'a>,
}

enum About<'a> {
    Session {
        id: RadiusSessionId,
        told: &'a SessionTold,
        caller: Option<Caller>,
        line: Option<SubscriptionId>,
    },
    Router {
        kind: &'static str,
    },
}

impl<'a> Entry<'a> {
    fn of(told: &'a Told) -> Self {
        let what = match &told.what {
            What::Session(session) => About::Session {
                id: RadiusSessionId::derive(told.router.as_uuid(), &session.unique_id),
                told: session,
                caller: None,
                line: None,
            },
            What::On => About::Router { kind: "on" },
            What::Off => About::Router { kind: "off" },
        };
        Self {
            router: told.router,
            at: believed(told.at, told.heard_at),
            heard_at: told.heard_at,
            what,
        }
    }

    /// The user name as routers compare it.
    fn user(&self) -> Option<String> {
        match &self.what {
            About::Session { told, .. } => Some(told.user.as_ref()?.as_str().to_ascii_lowercase()),
            About::Router { .. } => None,
        }
    }

    const fn session(&self) -> Option<RadiusSessionId> {
        match self.what {
            About::Session { id, .. } => Some(id),
            About::Router { .. } => None,
        }
    }

    /// Who calls, in clear, where that is not known yet. Only a hash of it is kept.
    fn unknown_caller(&self) -> Option<String> {
        let About::Session {
            told, caller: None, ..
        } = &self.what
        else {
            return None;
        };
        let station = told.station.as_ref()?.as_str().to_ascii_lowercase();
        Some(json!([self.router, self.user()?, station]).to_string())
    }

    /// The name that a line may have, where the line is not known yet.
    fn unknown_line(&self) -> Option<(RouterId, PppUsername)> {
        let About::Session { line: None, .. } = self.what else {
            return None;
        };
        let username = PppUsername::try_from(self.user()?).ok()?;
        Some((self.router, username))
    }

    /// Whose other sessions matter for this record.
    fn unsettled(&self, rows: &HashMap<RadiusSessionId, &SessionRow>) -> Option<(RouterId, Caller)> {
        let About::Session {
            id,
            told,
            caller: Some(caller),
            ..
        } = &self.what
        else {
            return None;
        };
        let settled = rows
            .get(id)
            .is_some_and(|row| row.is_settled(told.kind, self.at, told.reading));
        (!settled).then(|| (self.router, caller.clone()))
    }

    fn sample(&self) -> Sample {
        let (session, kind, reading, cause) = match &self.what {
            About::Session { id, told, .. } => {
                let (kind, cause) = match told.kind {
                    Kind::Start => ("start", None),
                    Kind::Interim => ("interim", None),
                    Kind::Stop { cause } => ("stop", Some(cause)),
                };
                (Some(*id), kind, told.reading, cause)
            }
            About::Router { kind } => (None, *kind, None, None),
        };
        Sample {
            at: self.at,
            session,
            kind,
            seconds: reading.and_then(|reading| reading.seconds),
            input_octets: reading.map(|reading| reading.input.octets),
            output_octets: reading.map(|reading| reading.output.octets),
            cause,
            heard_at: self.heard_at,
        }
    }
}

/// A router that is retired was known, and what it tells late is still true.
async fn known_routers(work: &mut Work<'_>, records: &[Told]) -> Outcome<BTreeSet<RouterId>> {
    let routers: BTreeSet<RouterId> = records.iter().map(|told| told.router).collect();
    let ids: Vec<String> = routers.iter().map(ToString::to_string).collect();
    work.load_ahead::<Router>(&ids).await?;
    let mut known = BTreeSet::new();
    for router in routers {
        match work.load::<Router>(&router.to_string()).await?.status() {
            RouterStatus::Managed | RouterStatus::Retired => drop(known.insert(router)),
            RouterStatus::Absent => {}
        }
    }
    Ok(known)
}

async fn take(work: &mut Work<'_>, mut records: Vec<Entry<'_>>, interim: TimeDelta) -> Outcome<()> {
    let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
    let read = read(work, &mut tx, &mut records, interim).await;
    tx.commit().await?;
    let mut books = read?;
    let seals = Seals::over(work, &records, &books).await?;
    let mut news = Vec::new();
    for record in &records {
        let Some(open) = books.get_mut(&record.router) else {
            continue;
        };
        open.samples.push(record.sample());
        news.extend(match &record.what {
            About::Router { .. } => open.book.restart(NasRecord {
                at: record.at,
                heard_at: record.heard_at,
            }),
            About::Session {
                id,
                told,
                caller,
                line,
            } => {
                let is_named = open.book.row(*id).is_some_and(|row| row.who.is_some());
                let who = if is_named {
                    None
                } else {
                    seals.seal(told, *line, record.router)?
                };
                open.book.take(&Record {
                    session: *id,
                    kind: told.kind,
                    at: record.at,
                    heard_at: record.heard_at,
                    reading: told.reading,
                    caller: caller.clone(),
                    line: *line,
                    who,
                })
            }
        });
    }
    book::close(work, books, news).await
}

/// Opens the books, and finds out who calls and whose lines that are where no row tells it yet.
async fn read(
    work: &Work<'_>,
    tx: &mut TenantTx,
    records: &mut [Entry<'_>],
    interim: TimeDelta,
) -> Outcome<BTreeMap<RouterId, Open>> {
    // INVARIANT: before any of their sessions is read. Whoever writes meanwhile makes this version an old one.
    let routers = records.iter().map(|record| record.router).collect();
    let routers = book::routers(tx, &routers).await?;
    let mut sessions = known_sessions(tx, records).await?;
    know_callers(work, tx, records).await?;
    know_lines(tx, records).await?;
    let rows = by_id(&sessions);
    let callers: BTreeSet<_> = records
        .iter()
        .filter_map(|record| record.unsettled(&rows))
        .collect();
    let whole: BTreeSet<RouterId> = records
        .iter()
        .filter(|record| matches!(record.what, About::Router { .. }))
        .map(|record| record.router)
        .collect();
    if !callers.is_empty() {
        let callers: Vec<_> = callers.into_iter().collect();
        sessions.extend(radius::of_callers(tx, &callers).await?);
    }
    if !whole.is_empty() {
        let whole: Vec<RouterId> = whole.into_iter().collect();
        sessions.extend(radius::open(tx, &whole).await?);
    }
    Ok(book::over(routers, sessions, interim))
}

/// The sessions that are there already. Their records take over what the rows tell: who calls, and whose line it is.
async fn known_sessions(
    tx: &mut TenantTx,
    records: &mut [Entry<'_>],
) -> Outcome<Vec<(RouterId, radius::Session)>> {
    let ids: BTreeSet<RadiusSessionId> = records.iter().filter_map(Entry::session).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<RadiusSessionId> = ids.into_iter().collect();
    let sessions = radius::sessions(tx, &ids).await?;
    let rows = by_id(&sessions);
    for record in records {
        if let About::Session { id, caller, line, .. } = &mut record.what
            && let Some(row) = rows.get(id)
        {
            caller.clone_from(&row.caller);
            *line = row.line;
        }
    }
    Ok(sessions)
}

fn by_id(sessions: &[(RouterId, radius::Session)]) -> HashMap<RadiusSessionId, &SessionRow> {
    let rows = sessions.iter().map(|(_, session)| &session.row);
    rows.map(|row| (row.session, row)).collect()
}

async fn know_callers(work: &Work<'_>, tx: &mut TenantTx, records: &mut [Entry<'_>]) -> Outcome<()> {
    let clear: Vec<Option<String>> = records.iter().map(Entry::unknown_caller).collect();
    let unknown: Vec<&str> = clear.iter().flatten().map(String::as_str).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let vault = work.store().vault();
    let mut hashes = vault.blind_indexes(tx, CALLER_SCOPE, &unknown).await?.into_iter();
    for (record, clear) in records.iter_mut().zip(&clear) {
        if let About::Session { caller, .. } = &mut record.what
            && clear.is_some()
        {
            *caller = hashes.next().map(Caller::new);
        }
    }
    Ok(())
}

async fn know_lines(tx: &mut TenantTx, records: &mut [Entry<'_>]) -> Outcome<()> {
    let names: Vec<_> = records.iter().filter_map(Entry::unknown_line).collect();
    if names.is_empty() {
        return Ok(());
    }
    let lines = subscriptions::lines_named(tx, &names).await?;
    for record in records.iter_mut() {
        let found = record.unknown_line().and_then(|name| lines.get(&name).copied());
        if let About::Session { line, .. } = &mut record.what {
            *line = line.or(found);
        }
    }
    Ok(())
}

/// Seals who called: with the key of the line's customer, so that it is gone with the customer; with the router's where the
/// name is nobody's.
struct Seals {
    keys: Keyring,
    subjects: BTreeMap<SubscriptionId, String>,
}

impl Seals {
    /// The keys that are needed: of sessions that are not sealed yet.
    async fn over(
        work: &mut Work<'_>,
        records: &[Entry<'_>],
        books: &BTreeMap<RouterId, Open>,
    ) -> Outcome<Self> {
        let mut wanted = BTreeSet::new();
        let mut lines = BTreeSet::new();
        for record in records {
            if let About::Session { id, line, .. } = &record.what {
                let open = books.get(&record.router);
                if open
                    .and_then(|open| open.book.row(*id))
                    .is_none_or(|row| row.who.is_none())
                {
                    match line {
                        Some(line) => drop(lines.insert(*line)),
                        None => drop(wanted.insert(record.router.to_string())),
                    }
                }
            }
        }
        let ids: Vec<String> = lines.iter().map(ToString::to_string).collect();
        work.load_ahead::<Subscription>(&ids).await?;
        let mut subjects = BTreeMap::new();
        for line in lines {
            if let Some(customer) = work.load::<Subscription>(&line.to_string()).await?.customer() {
                wanted.insert(customer.to_string());
                subjects.insert(line, customer.to_string());
            }
        }
        if wanted.is_empty() {
            let keys = Keyring::empty(work.tenant());
            return Ok(Self { keys, subjects });
        }
        let wanted: Vec<String> = wanted.into_iter().collect();
        let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
        let keys = work.store().vault().keyring(&mut tx, &wanted).await?;
        tx.commit().await?;
        Ok(Self { keys, subjects })
    }

    /// Nothing if there is nothing to say, and of somebody who was erased.
    fn seal(
        &self,
        told: &SessionTold,
        line: Option<SubscriptionId>,
        router: RouterId,
    ) -> Outcome<Option<Sealed>> {
        let text = |value: &Option<Personal>| value.as_ref().map(|value| value.as_str().to_owned());
        let (user, station, address) = (text(&told.user), text(&told.station), text(&told.address));
        if user.is_none() && station.is_none() && address.is_none() {
            return Ok(None);
        }
        let subject = match line {
            None => router.to_string(),
            Some(line) => match self.subjects.get(&line) {
                Some(customer) => customer.clone(),
                None => return Ok(None),
            },
        };
        let who = json!({ "user": user, "station": station, "address": address }).to_string();
        match self.keys.seal(&subject, WHO_FIELD, &who) {
            Ok(sealed) => Ok(Some(sealed)),
            Err(StoreError::Erased) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
