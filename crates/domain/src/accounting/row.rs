//! What is known of one session between its events.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Caller, Cause, Kind, Meter, Reading, Record, Usage};
use crate::{RadiusSessionId, Sealed, SubscriptionId};

/// How far a beginning that is calculated from the session's seconds may be off: it is not taken for earlier than
/// something else within this.
const SLACK: TimeDelta = TimeDelta::seconds(5);

/// When a session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    pub at: DateTime<Utc>,
    /// The router said so in a `Start`; else it follows from how long the session had lasted.
    pub told: bool,
}

impl Began {
    /// As a record shows it.
    fn of(kind: Kind, at: DateTime<Utc>, reading: Option<Reading>) -> Self {
        let told = kind == Kind::Start;
        let seconds = reading.and_then(|reading| reading.seconds).unwrap_or_default();
        let lasted = if told { 0 } else { seconds };
        Self {
            at: at - TimeDelta::seconds(lasted.into()),
            told,
        }
    }

    /// What was told counts, and of two the earlier.
    fn joined(self, other: Self) -> Self {
        match (self.told, other.told) {
            (true, false) => self,
            (false, true) => other,
            (true, true) | (false, false) => Self {
                at: self.at.min(other.at),
                told: self.told,
            },
        }
    }

    /// Whether it is beyond doubt that this was before `at`.
    pub fn is_before(self, at: DateTime<Utc>) -> bool {
        if self.told {
            self.at < at
        } else {
            self.at + SLACK < at
        }
    }
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub cause: Cause,
    /// When, as the router told. Without it the end was concluded, and was when the session was last heard of.
    pub told_at: Option<DateTime<Utc>>,
}

/// What the log says of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Up to when its usage is told.
    pub at: DateTime<Utc>,
    pub usage: Usage,
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    pub session: RadiusSessionId,
    pub began: Began,
    /// The newest record, by the router's time.
    pub last_at: DateTime<Utc>,
    /// When something of it came here last.
    pub heard_at: DateTime<Utc>,
    pub caller: Option<Caller>,
    pub line: Option<SubscriptionId>,
    pub who: Option<Sealed>,
    pub meter: Meter,
    pub ended: Option<Ended>,
    pub said: Said,
}

impl SessionRow {
    /// As a first record shows it.
    pub(super) fn first(record: &Record) -> Self {
        let began = Began::of(record.kind, record.at, record.reading);
        Self {
            session: record.session,
            began,
            last_at: record.at,
            heard_at: record.heard_at,
            caller: None,
            line: None,
            who: None,
            meter: Meter::default(),
            ended: None,
            said: Said {
                at: began.at,
                usage: Usage::default(),
            },
        }
    }

    /// Takes over what a record says, whatever its place among the others: counters and times grow, blanks are filled.
    pub(super) fn merge(&mut self, record: &Record) {
        let began = Began::of(record.kind, record.at, record.reading);
        self.began = self.began.joined(began);
        self.last_at = self.last_at.max(record.at);
        self.heard_at = self.heard_at.max(record.heard_at);
        if let Some(reading) = &record.reading {
            self.meter.read(reading);
        }
        self.caller = self.caller.take().or_else(|| record.caller.clone());
        self.line = self.line.or(record.line);
        self.who = self.who.take().or_else(|| record.who.clone());
    }

    /// Whether a record says nothing new of who calls and when the session began. What is concluded from other sessions of
    /// the caller, and of them from this one, was concluded then.
    pub fn is_settled(&self, kind: Kind, at: DateTime<Utc>, reading: Option<Reading>) -> bool {
        self.caller.is_some() && self.began.joined(Began::of(kind, at, reading)) == self.began
    }

    pub const fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// When it ended, if it has: as told, or when it was last heard of.
    pub fn stopped_at(&self) -> Option<DateTime<Utc>> {
        self.ended.map(|ended| ended.told_at.unwrap_or(self.last_at))
    }

    /// Whether the log does not say all of it.
    pub(super) fn has_news(&self) -> bool {
        self.said.usage.joined(self.meter.usage) != self.said.usage
    }
}
