//! Replies that take their time: the queue of a command, and the commands that never end by themselves.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::codec::Sentence;
use crate::values::parse_duration;

const MAX_PINGS: usize = 1_000;
const SECOND: Duration = Duration::from_secs(1);

/// A command whose replies are not all sent.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) tag: Bytes,
    pub(super) replies: VecDeque<Sentence>,
    pub(super) due: Duration,
    pub(super) pace: Duration,
    /// What is sent again and again until a cancel.
    pub(super) endless: Option<Sentence>,
}

/// Without `count` it never ends.
pub(super) fn ping(now: Duration, sentence: &Sentence, tag: Bytes) -> Job {
    let text = |name: &str| {
        sentence
            .value(name)
            .map(|value| String::from_utf8_lossy(&value).into_owned())
    };
    let count = text("count").and_then(|count| count.parse::<usize>().ok());
    let interval = text("interval").and_then(|interval| parse_duration(&interval).ok());
    let row = Sentence::of("!re")
        .attribute("host", text("address").unwrap_or_default())
        .attribute("size", "56")
        .attribute("ttl", "64")
        .attribute("time", "1ms")
        .attribute("packet-loss", "0");
    let mut replies: VecDeque<_> =
        std::iter::repeat_n(row.clone(), count.unwrap_or(1).min(MAX_PINGS)).collect();
    if count.is_some() {
        replies.push_back(Sentence::of("!done"));
    }
    let pace = interval.unwrap_or(SECOND).max(Duration::from_millis(1));
    Job {
        tag,
        replies,
        due: now,
        pace,
        endless: count.is_none().then_some(row),
    }
}

/// Without `once` it never ends.
pub(super) fn traffic(now: Duration, sentence: &Sentence, tag: Bytes) -> Job {
    let row = Sentence::of("!re")
        .attribute("name", sentence.value("interface").unwrap_or_default())
        .attribute("rx-bits-per-second", "1200000")
        .attribute("tx-bits-per-second", "8400000");
    if sentence.value("once").is_some() {
        let replies = [row, Sentence::of("!done")].into();
        return Job {
            tag,
            replies,
            due: now,
            pace: Duration::ZERO,
            endless: None,
        };
    }
    Job {
        tag,
        replies: [row.clone()].into(),
        due: now,
        pace: SECOND,
        endless: Some(row),
    }
}
