//! Bookkeeping of a publisher's connection, without I/O: when to dial again, and what became of a batch.

use std::time::Duration;

use crate::backoff::Backoff;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// Whether there is a connection, and when the next may be tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Link {
    failures: u32,
    not_before_ms: u64,
}

impl Link {
    /// Whether a connection may be tried at `now_ms`.
    pub(super) const fn may_dial(self, now_ms: u64) -> bool {
        self.not_before_ms <= now_ms
    }

    /// The broker has confirmed something: the connection is good.
    pub(super) const fn proved(&mut self) {
        self.failures = 0;
        self.not_before_ms = 0;
    }

    /// The connection could not be made, or broke.
    pub(super) fn broke(&mut self, now_ms: u64) {
        self.failures = self.failures.saturating_add(1);
        let pause = BACKOFF.after(self.failures).as_millis();
        self.not_before_ms = now_ms.saturating_add(u64::try_from(pause).unwrap_or(u64::MAX));
    }
}

/// What the broker said about one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Confirmed,
    /// Confirmed, but no queue took it.
    Unrouted,
    /// A queue could not take it.
    Refused,
    /// No answer: the connection broke, or the broker took too long.
    Lost,
}

/// What follows for the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Everything is in the broker's hands.
    Published,
    /// Publish everything again on the same connection, later.
    Again,
    /// Publish everything again after declaring the topology on a new connection.
    Reconnect,
}

/// Judges a batch: `(answer, whether some queue must have taken the message)`.
pub(super) fn judge(answers: impl IntoIterator<Item = (Answer, bool)>) -> Verdict {
    answers
        .into_iter()
        .map(|(answer, wanted)| match (answer, wanted) {
            (Answer::Confirmed, _) | (Answer::Unrouted, false) => Verdict::Published,
            (Answer::Refused, _) => Verdict::Again,
            (Answer::Unrouted, true) | (Answer::Lost, _) => Verdict::Reconnect,
        })
        .max_by_key(|verdict| *verdict as u8)
        .unwrap_or(Verdict::Published)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_published_only_when_every_message_is() {
        assert_eq!(judge([]), Verdict::Published);
        assert_eq!(
            judge([(Answer::Confirmed, true), (Answer::Unrouted, false)]),
            Verdict::Published
        );
        assert_eq!(
            judge([(Answer::Refused, true), (Answer::Confirmed, true)]),
            Verdict::Again
        );
        assert_eq!(
            judge([
                (Answer::Confirmed, true),
                (Answer::Lost, false),
                (Answer::Refused, true)
            ]),
            Verdict::Reconnect
        );
    }

    #[test]
    fn an_event_that_nobody_wants_may_go_nowhere_but_a_missing_queue_is_declared_again() {
        assert_eq!(judge([(Answer::Unrouted, false)]), Verdict::Published);
        assert_eq!(judge([(Answer::Unrouted, true)]), Verdict::Reconnect);
    }

    #[test]
    fn a_broken_connection_is_dialled_again_with_growing_pauses_until_one_is_proved() {
        let mut link = Link::default();
        assert!(link.may_dial(0));
        link.broke(0);
        assert!(!link.may_dial(99) && link.may_dial(100));
        link.broke(100);
        assert!(!link.may_dial(299) && link.may_dial(300));
        link.proved();
        assert!(link.may_dial(0));
    }
}
