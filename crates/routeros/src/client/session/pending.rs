//! A command that was sent and has not ended.

use std::time::Instant;

use bytes::Bytes;

use super::{CommandId, Deadline, MAX_ANSWER_BYTES};
use crate::client::{Answer, Error, Row, Trap, Waiting};

/// What a row costs beside its texts, so that empty rows are not free.
const ROW_BYTES: usize = 64;

/// Who waits for the end of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// The session itself: a cancel or a probe.
    Session,
    /// A caller.
    Caller(CommandId),
}

/// What was heard so far, and until when more must be heard.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) owner: Owner,
    deadline: Deadline,
    progress_until: Instant,
    total_until: Option<Instant>,
    cancel_until: Option<Instant>,
    rows: Vec<Row>,
    bytes: usize,
    trap: Option<Trap>,
}

impl Pending {
    pub(super) fn new(owner: Owner, now: Instant, deadline: Deadline) -> Self {
        Self {
            owner,
            deadline,
            progress_until: now + deadline.progress,
            total_until: deadline.total.map(|total| now + total),
            cancel_until: None,
            rows: Vec::new(),
            bytes: 0,
            trap: None,
        }
    }

    pub(super) fn due(&self) -> Instant {
        let running = self
            .total_until
            .map_or(self.progress_until, |total| total.min(self.progress_until));
        self.cancel_until.unwrap_or(running)
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel_until.is_some()
    }

    pub(super) fn cancelled(&mut self, until: Instant) {
        self.cancel_until = Some(until);
        self.rows = Vec::new();
    }

    pub(super) fn is_over_size(&self) -> bool {
        self.bytes > MAX_ANSWER_BYTES
    }

    pub(super) fn row(&mut self, now: Instant, attrs: Vec<(Bytes, Bytes)>) {
        if self.is_cancelled() {
            return;
        }
        self.progress_until = now + self.deadline.progress;
        let texts: usize = attrs.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.bytes += ROW_BYTES + texts;
        self.rows.push(Row::new(attrs));
    }

    /// The first refusal counts; later ones follow from it.
    pub(super) fn trap(&mut self, trap: Trap) {
        self.trap.get_or_insert(trap);
    }

    /// The end came. A command cancelled by us that ended all the same in success has lost its rows, so it is a
    /// time-out for the caller.
    pub(super) fn outcome(self, done: Vec<(Bytes, Bytes)>) -> Result<Answer, Error> {
        if self.is_over_size() {
            return Err(Error::AnswerTooLong {
                limit_bytes: MAX_ANSWER_BYTES,
            });
        }
        if self.is_cancelled() {
            return Err(Error::Timeout(Waiting::Command));
        }
        match self.trap {
            Some(trap) => Err(trap.into()),
            None => Ok(Answer {
                rows: self.rows,
                done: Row::new(done),
            }),
        }
    }

    /// The connection ended before the command did.
    pub(super) fn cut_off(self, reason: &Error) -> Error {
        match self.trap {
            Some(trap) => trap.into(),
            None if self.is_cancelled() => Error::Timeout(Waiting::Command),
            None => reason.clone(),
        }
    }
}
