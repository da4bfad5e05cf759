//! The sessions of one router: what each record of it changes, and what of that is news.
//!
//! | record | an open session | a session that is over |
//! |---|---|---|
//! | start | fills blanks | fills blanks |
//! | interim | counters grow | counters grow; it stays over |
//! | stop | ends as told | counters grow; an end that was concluded becomes the one that was told |
//! | on, off | ends (`nas_reboot`) if it began before | nothing |
//! | start of the same caller's next one | ends (`superseded`) | nothing |
//! | silence | ends (`lost`) | nothing |
//!
//! A record of a session that is not known begins it, over from the start where what is known says so. An end that was
//! concluded is when the session was last heard of, and moves with what is heard later; one that was told stays. Usage
//! goes to the log once in five minutes of the router's time, with the end, and at once when it grows after it.
//!
//! INVARIANT: the same records give the same usage, and the same sessions are open, in whatever order and however often
//! they come.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Cause, Ended, Kind, NasRecord, RadiusSessionCommand, Record, Said, SessionRow,
    radius_session::{EndCorrected, Started, Stopped, UsageRecorded},
};
use crate::{RadiusSessionId, RouterId};

/// How often routers tell of a session, if nobody said otherwise.
pub const INTERIM: TimeDelta = TimeDelta::minutes(5);
/// Usage of an open session goes to the log so often.
const SAID_EVERY: TimeDelta = TimeDelta::minutes(5);
/// A session of which nothing came for so many intervals is lost.
const PATIENCE: i32 = 3;
/// A session is lost after that much silence even if its router is silent, too.
pub const SILENT: TimeDelta = TimeDelta::days(1);

/// One command for a session's stream.
pub type News = (RadiusSessionId, RadiusSessionCommand);

/// What is known of a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RouterHearing {
    /// The last time it said that it began anew, by its own time.
    pub restarted_at: Option<DateTime<Utc>>,
    /// When something came from it last.
    pub heard_at: Option<DateTime<Utc>>,
    /// Since when it has been heard without a silence that would lose its sessions. After one (of the router, of its way to us, of
    /// ourselves) its sessions get their time to be heard again.
    pub heard_since: Option<DateTime<Utc>>,
}

/// Some sessions of one router: those that a record is about, and those that it may end.
#[derive(Debug, Clone)]
pub struct Book {
    router: RouterId,
    hearing: RouterHearing,
    /// After so much silence a session is lost.
    patience: TimeDelta,
    rows: BTreeMap<RadiusSessionId, SessionRow>,
    changed: BTreeSet<RadiusSessionId>,
}

impl Book {
    /// Over what is stored. `interim` is how often this router tells of a session.
    pub fn new(
        router: RouterId,
        hearing: RouterHearing,
        rows: impl IntoIterator<Item = SessionRow>,
        interim: TimeDelta,
    ) -> Self {
        Self {
            router,
            hearing,
            patience: Self::patience(interim),
            rows: rows.into_iter().map(|row| (row.session, row)).collect(),
            changed: BTreeSet::new(),
        }
    }

    /// How long a session may be silent while its router is not.
    pub fn patience(interim: TimeDelta) -> TimeDelta {
        interim * PATIENCE
    }

    pub const fn router(&self) -> RouterId {
        self.router
    }

    pub const fn hearing(&self) -> RouterHearing {
        self.hearing
    }

    pub fn row(&self, session: RadiusSessionId) -> Option<&SessionRow> {
        self.rows.get(&session)
    }

    pub fn rows(&self) -> impl Iterator<Item = &SessionRow> {
        self.rows.values()
    }

    /// Rows that are not as they were given.
    pub fn changed(&self) -> impl Iterator<Item = &SessionRow> {
        self.changed.iter().filter_map(|session| self.rows.get(session))
    }

    /// Takes a record of a session. Must have the session's row; and unless the row is settled for this record
    /// ([`SessionRow::is_settled`]) the open ones of its caller, and the caller's newest.
    pub fn take(&mut self, record: &Record) -> Vec<News> {
        self.hear(record.heard_at);
        let mut news = Vec::new();
        let known = self.rows.remove(&record.session);
        let settled = known
            .as_ref()
            .is_some_and(|known| known.is_settled(record.kind, record.at, record.reading));
        let mut row = known.clone().unwrap_or_else(|| SessionRow::first(record));
        row.merge(record);
        if known.is_none() {
            news.push(self.started(&row));
        }
        let told = match record.kind {
            Kind::Stop { cause } => Some(Ended {
                cause,
                told_at: Some(record.at),
            }),
            Kind::Start | Kind::Interim => None,
        };
        match (row.ended, told) {
            (None, Some(told)) => news.push(self.end(&mut row, told)),
            (None, None) => {
                let over = if settled { None } else { self.is_over(&row) };
                if let Some(cause) = over {
                    news.push(self.end(&mut row, Ended { cause, told_at: None }));
                } else if row.has_news() && row.last_at - row.said.at >= SAID_EVERY {
                    news.push(self.usage(&mut row));
                }
            }
            (Some(Ended { told_at: None, .. }), Some(told)) => news.push(self.correct(&mut row, told)),
            (Some(_), _) => {
                if row.has_news() {
                    news.push(self.usage(&mut row));
                }
            }
        }
        if !settled {
            self.end_older(&row, &mut news);
        }
        if known.as_ref() != Some(&row) {
            self.changed.insert(row.session);
        }
        self.rows.insert(row.session, row);
        news
    }

    /// The router has begun anew. Must have all of its open sessions.
    pub fn restart(&mut self, record: NasRecord) -> Vec<News> {
        self.hear(record.heard_at);
        self.hearing.restarted_at = self.hearing.restarted_at.max(Some(record.at));
        self.end_where(Cause::NasReboot, |row| row.began.is_before(record.at))
    }

    /// Ends what was not heard of for too long. Of a router that is not heard either nothing is concluded for a day: its
    /// lines may well be online.
    pub fn sweep(&mut self, now: DateTime<Utc>) -> Vec<News> {
        let RouterHearing {
            heard_at: Some(heard_at),
            heard_since: Some(since),
            ..
        } = self.hearing
        else {
            return Vec::new();
        };
        let patience = self.patience;
        let heard = now - heard_at <= patience;
        self.end_where(Cause::Lost, |row| {
            (heard && now - row.heard_at.max(since) > patience) || now - row.heard_at > SILENT
        })
    }

    fn hear(&mut self, at: DateTime<Utc>) {
        let silent = self
            .hearing
            .heard_at
            .is_none_or(|heard| at - heard > self.patience);
        if silent {
            self.hearing.heard_since = Some(at);
        }
        self.hearing.heard_at = self.hearing.heard_at.max(Some(at));
    }

    /// Why a session that nobody said is over is over.
    fn is_over(&self, row: &SessionRow) -> Option<Cause> {
        if self
            .hearing
            .restarted_at
            .is_some_and(|at| row.began.is_before(at))
        {
            return Some(Cause::NasReboot);
        }
        let superseded = self.rows.values().any(|other| supersedes(other, row));
        superseded.then_some(Cause::Superseded)
    }

    fn end_older(&mut self, newer: &SessionRow, news: &mut Vec<News>) {
        news.extend(self.end_where(Cause::Superseded, |row| supersedes(newer, row)));
    }

    fn end_where(&mut self, cause: Cause, is_over: impl Fn(&SessionRow) -> bool) -> Vec<News> {
        let over: Vec<RadiusSessionId> = self
            .rows
            .values()
            .filter(|row| row.is_open() && is_over(row))
            .map(|row| row.session)
            .collect();
        let mut news = Vec::with_capacity(over.len());
        for session in over {
            if let Some(mut row) = self.rows.remove(&session) {
                news.push(self.end(&mut row, Ended { cause, told_at: None }));
                self.rows.insert(session, row);
                self.changed.insert(session);
            }
        }
        news
    }

    fn started(&self, row: &SessionRow) -> News {
        let started = Started {
            session: row.session,
            router: self.router,
            subscription: row.line,
            started_at: row.began.at,
            told: row.began.told,
        };
        (row.session, RadiusSessionCommand::Start(started))
    }

    fn usage(&self, row: &mut SessionRow) -> News {
        say(row);
        let recorded = UsageRecorded {
            session: row.session,
            router: self.router,
            subscription: row.line,
            usage: row.said.usage,
            at: row.last_at,
        };
        (row.session, RadiusSessionCommand::RecordUsage(recorded))
    }

    fn end(&self, row: &mut SessionRow, ended: Ended) -> News {
        row.ended = Some(ended);
        say(row);
        let stopped = Stopped {
            session: row.session,
            router: self.router,
            subscription: row.line,
            cause: ended.cause,
            told: ended.told_at.is_some(),
            stopped_at: ended.told_at.unwrap_or(row.last_at),
            usage: row.said.usage,
        };
        (row.session, RadiusSessionCommand::Stop(stopped))
    }

    fn correct(&self, row: &mut SessionRow, told: Ended) -> News {
        row.ended = Some(told);
        say(row);
        let corrected = EndCorrected {
            session: row.session,
            router: self.router,
            subscription: row.line,
            cause: told.cause,
            stopped_at: told.told_at.unwrap_or(row.last_at),
            usage: row.said.usage,
        };
        (row.session, RadiusSessionCommand::CorrectEnd(corrected))
    }
}

fn say(row: &mut SessionRow) {
    row.said = Said {
        at: row.last_at,
        usage: row.meter.usage,
    };
}

/// Whether a session of the same caller shows that an open one is over.
fn supersedes(newer: &SessionRow, older: &SessionRow) -> bool {
    newer.session != older.session
        && older.caller.is_some()
        && newer.caller == older.caller
        && older.began.is_before(newer.began.at)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
