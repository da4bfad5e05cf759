//! What holds of a socket whatever its peer, its operations and the clock do.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What happens next. Names and keys are small, so that they meet.
#[derive(Debug, Clone)]
enum Happening {
    Init,
    Subscribe { id: u8 },
    Complete { id: u8 },
    Ping,
    Text(String),
    Binary,
    SignedIn(Option<u64>),
    Answered { key: Key, last: bool, failed: bool },
    Rechecked(bool),
    Tick,
    Drain,
}

fn happenings() -> impl Strategy<Value = Vec<(Happening, u64)>> {
    let happening = prop_oneof![
        2 => Just(Happening::Init),
        8 => (0..4_u8).prop_map(|id| Happening::Subscribe { id }),
        4 => (0..4_u8).prop_map(|id| Happening::Complete { id }),
        1 => Just(Happening::Ping),
        1 => ".{0,40}".prop_map(Happening::Text),
        1 => Just(Happening::Binary),
        2 => prop::option::weighted(0.9, 1..600_u64).prop_map(Happening::SignedIn),
        6 => (0..8_u64, any::<bool>(), any::<bool>())
            .prop_map(|(key, last, failed)| Happening::Answered { key, last, failed }),
        1 => prop::bool::weighted(0.9).prop_map(Happening::Rechecked),
        2 => Just(Happening::Tick),
        1 => Just(Happening::Drain),
    ];
    // The init comes early in most stories, or nothing would follow.
    let story = prop::collection::vec((happening, 0..4_u64), 0..60);
    (any::<bool>(), story).prop_map(|(opens, mut story)| {
        if opens {
            story.insert(0, (Happening::SignedIn(Some(300)), 0));
            story.insert(0, (Happening::Init, 0));
        }
        story
    })
}

fn input(happening: &Happening, now: DateTime<Utc>) -> Input {
    let text = |message: Value| Input::Text(message.to_string());
    match happening {
        Happening::Init => text(json!({ "type": "connection_init" })),
        Happening::Subscribe { id } => {
            text(json!({ "type": "subscribe", "id": id.to_string(), "payload": { "query": "q" } }))
        }
        Happening::Complete { id } => text(json!({ "type": "complete", "id": id.to_string() })),
        Happening::Ping => text(json!({ "type": "ping" })),
        Happening::Text(text) => Input::Text(text.clone()),
        Happening::Binary => Input::Binary,
        Happening::SignedIn(Some(seconds)) => Input::SignedIn(Ok(now + Duration::from_secs(*seconds))),
        Happening::SignedIn(None) => Input::SignedIn(Err(Refusal::Forbidden)),
        Happening::Answered { key, last, failed } => {
            let answer = match (last, failed) {
                (false, _) => Answer::Next(json!({ "data": null })),
                (true, true) => Answer::Failed(json!([])),
                (true, false) => Answer::Done,
            };
            Input::Answer(*key, answer)
        }
        Happening::Rechecked(holds) => Input::Rechecked(*holds),
        Happening::Tick => Input::Tick,
        Happening::Drain => Input::Drain,
    }
}

/// What an onlooker knows of the operations that run, by their keys.
#[derive(Debug, Default)]
struct Onlooker {
    running: BTreeSet<Key>,
    highest: Option<Key>,
    asked: u32,
    acknowledged: u32,
    closed: bool,
}

impl Onlooker {
    fn sees(&mut self, effect: &Effect, answering: Option<Key>) {
        assert!(!self.closed, "{effect:?} after the end");
        match effect {
            Effect::SignIn(_) => {
                self.asked += 1;
                assert_eq!(self.asked, 1, "credentials are looked at once");
            }
            Effect::Start(key, _) => {
                assert_eq!(self.acknowledged, 1, "nothing runs before the peer is let in");
                assert!(
                    self.highest.is_none_or(|highest| *key > highest),
                    "a key came again"
                );
                self.highest = Some(*key);
                self.running.insert(*key);
                assert!(self.running.len() <= MAX_OPERATIONS);
            }
            Effect::Stop(key) => {
                assert!(self.running.remove(key), "{key} did not run");
            }
            Effect::Send(text) => {
                let message: Value = serde_json::from_str(text).expect("a message is JSON");
                match message["type"].as_str().expect("a type") {
                    "connection_ack" => self.acknowledged += 1,
                    "next" | "complete" => {
                        let key = answering.expect("only an answer is passed on");
                        assert!(self.running.contains(&key), "an answer of nobody");
                    }
                    "error" | "pong" => {}
                    other => panic!("a server does not say {other}"),
                }
            }
            Effect::Close(code, reason) => {
                assert!(
                    [1001, 1012, 4400, 4401, 4403, 4408, 4409, 4429].contains(code),
                    "{code}"
                );
                assert!(reason.len() <= 123);
                self.closed = true;
            }
            Effect::Ping | Effect::Recheck => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_socket_runs_what_was_asked_once_and_says_nothing_after_its_end(story in happenings()) {
        let mut protocol = Protocol::new();
        let mut onlooker = Onlooker::default();
        let mut elapsed = Duration::ZERO;
        let mut signing_in = false;
        for (happening, seconds) in &story {
            elapsed += Duration::from_secs(*seconds);
            let at = Moment { elapsed, now: DateTime::UNIX_EPOCH + elapsed };
            // The loop answers a question once.
            if matches!(happening, Happening::SignedIn(_)) && !std::mem::take(&mut signing_in) {
                continue;
            }
            let answering = match happening {
                Happening::Answered { key, .. } => Some(*key),
                _ => None,
            };
            for effect in protocol.step(input(happening, at.now), at) {
                signing_in |= matches!(effect, Effect::SignIn(_));
                onlooker.sees(&effect, answering);
            }
        }
        prop_assert!(onlooker.acknowledged <= 1);
        prop_assert_eq!(protocol.ids.len(), protocol.keys.len());
        if !onlooker.closed {
            let known: BTreeSet<Key> = protocol.ids.keys().copied().collect();
            prop_assert!(known.iter().eq(&onlooker.running));
        }
    }
}
