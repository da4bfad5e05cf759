//! `graphql-transport-ws` without I/O: what a socket says, does and refuses, step by step.
//!
//! The loop in [`super::socket`] brings frames, answers and the passing of time, and performs the effects in order.
//! After [`Effect::Close`] nothing more is asked of it.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use simpul_domain::Code;

use crate::{ApiError, error::Asker};

/// Longest silence between opening and `connection_init`.
const INIT_DEADLINE: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(15);
/// A peer that was not heard of for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(30);
/// How soon a demotion is noticed.
const RECHECK_EVERY: Duration = Duration::from_secs(5);
/// Operations of one socket at once.
pub(crate) const MAX_OPERATIONS: usize = 100;
const MAX_ID_BYTES: usize = 256;
/// Longest message of somebody who has not said who they are.
const MAX_STRANGERS_BYTES: usize = 16 * 1024;

/// Names an operation of this socket for ever, while its id may come again.
pub(crate) type Key = u64;

/// When a step happens: since the socket opened, and by the product's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) elapsed: Duration,
    pub(crate) now: DateTime<Utc>,
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// One result; more may come.
    Next(Value),
    /// It was refused, or it broke: nothing more comes.
    Failed(Value),
    /// Nothing more comes.
    Done,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    Text(String),
    Binary,
    /// A control frame: the peer lives.
    Heard,
    /// The credentials are good until then, or not.
    SignedIn(Result<DateTime<Utc>, Refusal>),
    Answer(Key, Answer),
    /// Whether the viewer is still who they were.
    Rechecked(bool),
    Tick,
    /// The server stops.
    Drain,
}

/// Why credentials were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Forbidden,
    TooManySockets,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    Send(String),
    Ping,
    /// Look at the payload of `connection_init`.
    SignIn(Map<String, Value>),
    Start(Key, Value),
    Stop(Key),
    Recheck,
    Close(u16, &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    SigningIn,
    Open { until: DateTime<Utc> },
    Closed,
}

/// One socket.
#[derive(Debug)]
pub(crate) struct Protocol {
    phase: Phase,
    keys: HashMap<String, Key>,
    ids: HashMap<Key, String>,
    next: Key,
    heard: Duration,
    pinged: Duration,
    rechecked: Duration,
}

impl Protocol {
    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Waiting,
            keys: HashMap::new(),
            ids: HashMap::new(),
            next: 0,
            heard: Duration::ZERO,
            pinged: Duration::ZERO,
            rechecked: Duration::ZERO,
        }
    }

    pub(crate) fn step(&mut self, input: Input, at: Moment) -> Vec<Effect> {
        if self.phase == Phase::Closed {
            return Vec::new();
        }
        match input {
            Input::Text(text) => {
                self.heard = at.elapsed;
                self.message(&text)
            }
            Input::Binary => self.close(4400, "Messages are texts"),
            Input::Heard => {
                self.heard = at.elapsed;
                Vec::new()
            }
            Input::SignedIn(result) => self.signed_in(result, at),
            Input::Answer(key, answer) => self.answer(key, answer),
            Input::Rechecked(true) => Vec::new(),
            Input::Rechecked(false) => self.close(4403, "Forbidden"),
            Input::Tick => self.tick(at),
            Input::Drain => self.close(1012, "Service restart"),
        }
    }

    fn close(&mut self, code: u16, reason: &'static str) -> Vec<Effect> {
        self.phase = Phase::Closed;
        vec![Effect::Close(code, reason)]
    }

    fn message(&mut self, text: &str) -> Vec<Effect> {
        if text.len() > MAX_STRANGERS_BYTES && !matches!(self.phase, Phase::Open { .. }) {
            return self.close(4400, "Too long for a first message");
        }
        let Ok(Value::Object(mut message)) = serde_json::from_str(text) else {
            return self.close(4400, "Not a message");
        };
        let Some(Value::String(kind)) = message.remove("type") else {
            return self.close(4400, "A message has a type");
        };
        let payload = message.remove("payload");
        match (kind.as_str(), payload) {
            ("connection_init", payload @ (None | Some(Value::Null | Value::Object(_)))) => {
                self.init(payload)
            }
            ("ping", payload @ (None | Some(Value::Null | Value::Object(_)))) => vec![pong(payload)],
            ("pong", None | Some(Value::Null | Value::Object(_))) => Vec::new(),
            ("subscribe", Some(payload @ Value::Object(_))) => self.subscribe(id(&message), payload),
            ("complete", None | Some(Value::Null)) => self.complete(id(&message)),
            _ => self.close(4400, "Not a message of graphql-transport-ws"),
        }
    }

    fn init(&mut self, payload: Option<Value>) -> Vec<Effect> {
        if self.phase != Phase::Waiting {
            return self.close(4429, "Too many initialisation requests");
        }
        self.phase = Phase::SigningIn;
        let payload = match payload {
            Some(Value::Object(payload)) => payload,
            _ => Map::new(),
        };
        vec![Effect::SignIn(payload)]
    }

    fn signed_in(&mut self, result: Result<DateTime<Utc>, Refusal>, at: Moment) -> Vec<Effect> {
        match result {
            Ok(until) => {
                self.phase = Phase::Open { until };
                self.rechecked = at.elapsed;
                vec![send(&json!({ "type": "connection_ack" }))]
            }
            Err(Refusal::Forbidden) => self.close(4403, "Forbidden"),
            Err(Refusal::TooManySockets) => self.close(4429, "Too many sockets"),
        }
    }

    fn subscribe(&mut self, id: Option<String>, payload: Value) -> Vec<Effect> {
        let Some(id) = id else {
            return self.close(4400, "An operation has an id");
        };
        if !matches!(self.phase, Phase::Open { .. }) {
            return self.close(4401, "Unauthorized");
        }
        if self.keys.contains_key(&id) {
            return self.close(4409, "Subscriber already exists");
        }
        if self.keys.len() >= MAX_OPERATIONS {
            let text = format!("A socket carries at most {MAX_OPERATIONS} operations");
            let errors = ApiError::new(Code::LimitReached, text).body(&Asker::unknown())["errors"].take();
            return vec![send(&json!({ "id": id, "type": "error", "payload": errors }))];
        }
        let key = self.next;
        self.next += 1;
        self.keys.insert(id.clone(), key);
        self.ids.insert(key, id);
        vec![Effect::Start(key, payload)]
    }

    fn complete(&mut self, id: Option<String>) -> Vec<Effect> {
        let Some(id) = id else {
            return self.close(4400, "An operation has an id");
        };
        // What ended at the same time is unknown here, and that is fine.
        let Some(key) = self.keys.remove(&id) else {
            return Vec::new();
        };
        self.ids.remove(&key);
        vec![Effect::Stop(key)]
    }

    fn answer(&mut self, key: Key, answer: Answer) -> Vec<Effect> {
        let Some(id) = self.ids.get(&key).cloned() else {
            return Vec::new();
        };
        let message = match answer {
            Answer::Next(payload) => {
                return vec![send(&json!({ "id": id, "type": "next", "payload": payload }))];
            }
            Answer::Failed(errors) => json!({ "id": id, "type": "error", "payload": errors }),
            Answer::Done => json!({ "id": id, "type": "complete" }),
        };
        self.ids.remove(&key);
        self.keys.remove(&id);
        vec![send(&message), Effect::Stop(key)]
    }

    fn tick(&mut self, at: Moment) -> Vec<Effect> {
        match self.phase {
            Phase::Waiting | Phase::SigningIn if at.elapsed >= INIT_DEADLINE => {
                return self.close(4408, "Connection initialisation timeout");
            }
            Phase::Open { until } if at.now >= until => return self.close(4403, "Token expired"),
            _ => {}
        }
        if at.elapsed.saturating_sub(self.heard) >= GONE_AFTER {
            return self.close(1001, "Gone");
        }
        let mut effects = Vec::new();
        if at.elapsed.saturating_sub(self.pinged) >= PING_EVERY {
            self.pinged = at.elapsed;
            effects.push(Effect::Ping);
        }
        let open = matches!(self.phase, Phase::Open { .. });
        if open && at.elapsed.saturating_sub(self.rechecked) >= RECHECK_EVERY {
            self.rechecked = at.elapsed;
            effects.push(Effect::Recheck);
        }
        effects
    }
}

fn id(message: &Map<String, Value>) -> Option<String> {
    let id = message.get("id")?.as_str()?;
    ((1..=MAX_ID_BYTES).contains(&id.len())).then(|| id.to_owned())
}

fn pong(payload: Option<Value>) -> Effect {
    let mut message = json!({ "type": "pong" });
    if let Some(payload @ Value::Object(_)) = payload {
        message["payload"] = payload;
    }
    send(&message)
}

fn send(message: &Value) -> Effect {
    Effect::Send(message.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment {
            elapsed: Duration::from_secs(seconds),
            now: DateTime::UNIX_EPOCH + Duration::from_secs(seconds),
        }
    }

    fn text(message: &Value) -> Input {
        Input::Text(message.to_string())
    }

    fn until(seconds: u64) -> Input {
        Input::SignedIn(Ok(at(seconds).now))
    }

    fn open() -> Protocol {
        let mut protocol = Protocol::new();
        let effects = protocol.step(
            text(&json!({ "type": "connection_init", "payload": { "a": 1 } })),
            at(0),
        );
        assert_eq!(
            effects,
            [Effect::SignIn(Map::from_iter([("a".to_owned(), json!(1))]))]
        );
        assert_eq!(
            protocol.step(until(900), at(1)),
            [send(&json!({ "type": "connection_ack" }))]
        );
        protocol
    }

    fn subscribe(id: &str) -> Input {
        text(&json!({ "type": "subscribe", "id": id, "payload": { "query": "q" } }))
    }

    fn closed(effects: &[Effect]) -> Option<u16> {
        match effects {
            [Effect::Close(code, reason)] => {
                assert!(reason.len() <= 123, "a close frame has no room for {reason}");
                Some(*code)
            }
            _ => None,
        }
    }

    #[test]
    fn each_breach_has_its_close_code() {
        for (message, code) in [
            ("{".to_owned(), 4400),
            ("[]".to_owned(), 4400),
            ("{}".to_owned(), 4400),
            (json!({ "type": "x".repeat(1_000) }).to_string(), 4400),
            (
                json!({ "type": "start", "id": "1", "payload": {} }).to_string(),
                4400,
            ),
            (json!({ "type": "ping", "payload": 1 }).to_string(), 4400),
            (json!({ "type": "subscribe", "id": "1" }).to_string(), 4400),
            (json!({ "type": "subscribe", "payload": {} }).to_string(), 4400),
            (
                json!({ "type": "subscribe", "id": "", "payload": {} }).to_string(),
                4400,
            ),
            (
                json!({ "type": "subscribe", "id": "x".repeat(257), "payload": {} }).to_string(),
                4400,
            ),
            (json!({ "type": "complete" }).to_string(), 4400),
            (json!({ "type": "connection_init" }).to_string(), 4429),
        ] {
            let effects = open().step(Input::Text(message.clone()), at(2));
            assert_eq!(closed(&effects), Some(code), "{message:.60}");
        }
        assert_eq!(closed(&open().step(Input::Binary, at(2))), Some(4400));
        let mut protocol = Protocol::new();
        assert_eq!(closed(&protocol.step(subscribe("1"), at(0))), Some(4401));
        assert_eq!(protocol.step(subscribe("1"), at(0)), [], "closed is closed");
        let mut protocol = open();
        protocol.step(subscribe("1"), at(2));
        assert_eq!(closed(&protocol.step(subscribe("1"), at(2))), Some(4409));
    }

    #[test]
    fn a_stranger_says_little() {
        let long = "x".repeat(MAX_STRANGERS_BYTES);
        let init = text(&json!({ "type": "connection_init", "payload": { "a": long } }));
        assert_eq!(closed(&Protocol::new().step(init, at(0))), Some(4400));
        let ping = text(&json!({ "type": "ping", "payload": { "a": long } }));
        assert_eq!(closed(&open().step(ping, at(2))), None);
    }

    #[test]
    fn credentials_are_awaited_ten_seconds_and_believed_until_they_expire() {
        let mut protocol = Protocol::new();
        assert_eq!(protocol.step(Input::Tick, at(9)), []);
        assert_eq!(closed(&protocol.step(Input::Tick, at(10))), Some(4408));
        for (refusal, code) in [(Refusal::Forbidden, 4403), (Refusal::TooManySockets, 4429)] {
            let mut protocol = Protocol::new();
            protocol.step(text(&json!({ "type": "connection_init" })), at(0));
            let effects = protocol.step(Input::SignedIn(Err(refusal)), at(0));
            assert_eq!(closed(&effects), Some(code));
        }
        let mut protocol = open();
        protocol.step(Input::Heard, at(899));
        assert_eq!(closed(&protocol.step(Input::Tick, at(899))), None);
        assert_eq!(closed(&protocol.step(Input::Tick, at(900))), Some(4403));
    }

    #[test]
    fn a_demotion_and_a_stop_close_the_socket() {
        let mut protocol = open();
        assert_eq!(protocol.step(Input::Tick, at(6)), [Effect::Recheck]);
        assert_eq!(protocol.step(Input::Rechecked(true), at(6)), []);
        assert_eq!(protocol.step(Input::Tick, at(7)), []);
        assert_eq!(closed(&protocol.step(Input::Rechecked(false), at(7))), Some(4403));
        assert_eq!(closed(&open().step(Input::Drain, at(2))), Some(1012));
        assert_eq!(closed(&Protocol::new().step(Input::Drain, at(2))), Some(1012));
    }

    #[test]
    fn a_peer_that_does_not_answer_pings_is_gone() {
        let mut protocol = open();
        assert!(protocol.step(Input::Tick, at(15)).contains(&Effect::Ping));
        assert!(!protocol.step(Input::Tick, at(16)).contains(&Effect::Ping));
        assert_eq!(closed(&protocol.step(Input::Tick, at(29))), None);
        assert_eq!(closed(&protocol.step(Input::Tick, at(30))), Some(1001));
        let mut protocol = open();
        for times in 1..10 {
            assert_eq!(closed(&protocol.step(Input::Tick, at(times * 25))), None);
            protocol.step(Input::Heard, at(times * 25));
        }
    }

    #[test]
    fn an_operation_answers_until_it_ends_and_its_id_may_come_again() {
        let mut protocol = open();
        let effects = protocol.step(subscribe("a"), at(2));
        assert_eq!(effects, [Effect::Start(0, json!({ "query": "q" }))]);
        let next = protocol.step(Input::Answer(0, Answer::Next(json!({ "data": 1 }))), at(2));
        assert_eq!(
            next,
            [send(
                &json!({ "id": "a", "type": "next", "payload": { "data": 1 } })
            )]
        );
        let done = protocol.step(Input::Answer(0, Answer::Done), at(2));
        assert_eq!(
            done,
            [send(&json!({ "id": "a", "type": "complete" })), Effect::Stop(0)]
        );
        assert!(matches!(
            protocol.step(subscribe("a"), at(2))[..],
            [Effect::Start(1, _)]
        ));
        assert_eq!(
            protocol.step(Input::Answer(0, Answer::Done), at(2)),
            [],
            "of the one before"
        );
        let failed = protocol.step(Input::Answer(1, Answer::Failed(json!([1]))), at(2));
        assert_eq!(
            failed,
            [
                send(&json!({ "id": "a", "type": "error", "payload": [1] })),
                Effect::Stop(1)
            ]
        );
    }

    #[test]
    fn a_client_that_completes_hears_nothing_more() {
        let mut protocol = open();
        protocol.step(subscribe("a"), at(2));
        let complete = || text(&json!({ "type": "complete", "id": "a" }));
        assert_eq!(protocol.step(complete(), at(2)), [Effect::Stop(0)]);
        assert_eq!(protocol.step(complete(), at(2)), []);
        assert_eq!(protocol.step(Input::Answer(0, Answer::Next(json!(1))), at(2)), []);
        assert_eq!(protocol.step(Input::Answer(0, Answer::Done), at(2)), []);
    }

    #[test]
    fn a_socket_carries_a_hundred_operations() {
        let mut protocol = open();
        for id in 0..MAX_OPERATIONS {
            assert!(matches!(
                protocol.step(subscribe(&id.to_string()), at(2))[..],
                [Effect::Start(..)]
            ));
        }
        let refused = protocol.step(subscribe("more"), at(2));
        assert!(matches!(&refused[..], [Effect::Send(text)] if text.contains("LIMIT_REACHED")));
        protocol.step(text(&json!({ "type": "complete", "id": "7" })), at(2));
        assert!(matches!(
            protocol.step(subscribe("more"), at(2))[..],
            [Effect::Start(..)]
        ));
    }

    #[test]
    fn a_ping_is_echoed_even_before_anybody_signed_in() {
        let mut protocol = Protocol::new();
        let pong = protocol.step(text(&json!({ "type": "ping", "payload": { "x": 1 } })), at(0));
        assert_eq!(pong, [send(&json!({ "type": "pong", "payload": { "x": 1 } }))]);
        let pong = protocol.step(text(&json!({ "type": "ping" })), at(0));
        assert_eq!(pong, [send(&json!({ "type": "pong" }))]);
        assert_eq!(protocol.step(text(&json!({ "type": "pong" })), at(0)), []);
    }
}
