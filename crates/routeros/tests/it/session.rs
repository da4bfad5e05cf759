//! The session as a state machine, without any transport: every reply by hand.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use simpul_routeros::client::{
    Answer, Command, Deadline, Effect, Error, Input, Login, Session, SessionOptions, Waiting,
};
use simpul_routeros::codec::{Sentence, decode_all};

use crate::rig::login;

fn bytes(sentences: &[&[&str]]) -> Vec<u8> {
    let mut out = Vec::new();
    for words in sentences {
        Sentence::from_words(words.iter().map(|word| word.as_bytes().to_vec()))
            .encode(&mut out)
            .unwrap();
    }
    out
}

/// The words that the session wants to send.
fn written(effects: &[Effect]) -> Vec<Vec<String>> {
    let writes = effects.iter().filter_map(|effect| match effect {
        Effect::Write(bytes) => Some(decode_all(bytes).sentences),
        _ => None,
    });
    let text = |sentence: &Sentence| {
        sentence
            .words()
            .iter()
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect()
    };
    writes.flatten().map(|sentence| text(&sentence)).collect()
}

fn finished(effects: Vec<Effect>) -> Vec<(u64, Result<Answer, Error>)> {
    let finish = |effect| match effect {
        Effect::Finish(id, result) => Some((id, result)),
        _ => None,
    };
    effects.into_iter().filter_map(finish).collect()
}

struct Rig {
    session: Session,
    start: Instant,
}

impl Rig {
    fn logged_in() -> Self {
        let start = Instant::now();
        let (session, _) = Session::start(login(), SessionOptions::default(), start);
        let mut rig = Self { session, start };
        let effects = rig.heard(0, &[&["!done"]]);
        assert!(matches!(effects[..], [Effect::Ready]), "{effects:?}");
        rig
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    fn heard(&mut self, seconds: u64, sentences: &[&[&str]]) -> Vec<Effect> {
        let now = self.at(seconds);
        self.session.step(now, Input::Received(&bytes(sentences)))
    }

    fn tick(&mut self, seconds: u64) -> Vec<Effect> {
        let now = self.at(seconds);
        self.session.step(now, Input::Tick)
    }

    fn submit(&mut self, id: u64, path: &str) -> Vec<Vec<String>> {
        let (now, deadline) = (self.at(0), Deadline::within(Duration::from_secs(10)));
        written(&self.session.step(
            now,
            Input::Submit {
                id,
                command: &Command::new(path),
                deadline,
            },
        ))
    }
}

#[test]
fn the_plain_login_is_not_tagged_and_carries_no_challenge() {
    let (_, effects) = Session::start(login(), SessionOptions::default(), Instant::now());
    assert_eq!(written(&effects), [["/login", "=name=api", "=password=rahasia"]]);
}

#[test]
fn the_legacy_login_never_sends_the_password() {
    let now = Instant::now();
    let legacy = Login::new("admin", String::new().into()).legacy();
    let (mut session, effects) = Session::start(legacy, SessionOptions::default(), now);
    assert_eq!(written(&effects), [["/login"]]);
    let challenge = bytes(&[&["!done", "=ret=ebddd18303a54111e2dea05a92ab46b4"]]);
    let answer = written(&session.step(now, Input::Received(&challenge)));
    // MD5 of 00, the empty password and the challenge, computed with Python's hashlib.
    assert_eq!(
        answer,
        [[
            "/login",
            "=name=admin",
            "=response=001ea726ed53ae38520c8334f82d44c9f2"
        ]]
    );
    let twice = session.step(now, Input::Received(&challenge));
    assert!(
        matches!(twice[..], [Effect::Close(Error::Protocol(_))]),
        "{twice:?}"
    );
}

#[test]
fn rows_reach_their_own_command_in_whatever_order_they_come() {
    let mut rig = Rig::logged_in();
    assert_eq!(rig.submit(7, "/a/print"), [["/a/print", ".tag=1"]]);
    assert_eq!(rig.submit(8, "/b/print"), [["/b/print", ".tag=2"]]);
    let effects = rig.heard(
        1,
        &[
            &["!re", "=x=b1", ".tag=2"],
            &["!re", ".tag=1", "=x=a1"],
            &["!future", ".tag=1"],
            &["!re", "=x=nobody", ".tag=9"],
            &["!re", "=x=untagged"],
            &["!empty", ".tag=2"],
            &["!done", ".tag=2"],
            &["!re", "=x=a2", ".tag=1"],
            &["!done", "=ret=*5", ".tag=1"],
        ],
    );
    let finished = finished(effects);
    let rows = |answer: &Answer| answer.rows.iter().map(|row| row.text("x")).collect::<Vec<_>>();
    let (second, first) = (finished[0].1.as_ref().unwrap(), finished[1].1.as_ref().unwrap());
    assert_eq!((finished[0].0, rows(second)), (8, vec!["b1".to_owned()]));
    assert_eq!(
        (finished[1].0, rows(first)),
        (7, vec!["a1".to_owned(), "a2".to_owned()])
    );
    assert_eq!(first.ret().unwrap(), "*5");
}

#[test]
fn a_refusal_after_rows_discards_them_and_waits_for_the_end() {
    let mut rig = Rig::logged_in();
    rig.submit(1, "/a/print");
    let refusal: &[&[&str]] = &[
        &["!re", "=x=1", ".tag=1"],
        &["!trap", "=message=no such item (4)", ".tag=1"],
    ];
    assert!(finished(rig.heard(1, refusal)).is_empty());
    let finished = finished(rig.heard(1, &[&["!done", ".tag=1"]]));
    assert!(
        matches!(finished[..], [(1, Err(Error::NotFound(_)))]),
        "{finished:?}"
    );
}

#[test]
fn a_deadline_cancels_and_a_second_one_closes() {
    let mut rig = Rig::logged_in();
    rig.submit(1, "/a/print");
    rig.submit(2, "/b/print");
    assert_eq!(rig.session.next_deadline(), Some(rig.at(10)));
    assert!(rig.tick(9).is_empty());
    rig.heard(9, &[&["!done", ".tag=2"]]);
    assert_eq!(written(&rig.tick(10)), [["/cancel", "=tag=1", ".tag=3"]]);
    assert_eq!(rig.session.next_deadline(), Some(rig.at(12)));
    let effects = rig.tick(12);
    assert!(
        matches!(
            effects[0],
            Effect::Finish(1, Err(Error::Timeout(Waiting::Command)))
        ),
        "{effects:?}"
    );
    assert!(
        matches!(effects[1], Effect::Close(Error::Timeout(_))),
        "{effects:?}"
    );
    assert_eq!(rig.session.next_deadline(), None);
}

#[test]
fn a_fatal_ends_every_command_with_its_reason() {
    let mut rig = Rig::logged_in();
    rig.submit(1, "/a/print");
    rig.submit(2, "/b/print");
    let effects = rig.heard(1, &[&["!fatal", "session terminated on request"]]);
    assert!(
        matches!(effects.last(), Some(Effect::Close(Error::Fatal(_)))),
        "{effects:?}"
    );
    let ids: Vec<u64> = finished(effects).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [1, 2]);
    let late = finished(rig.session.step(
        rig.start,
        Input::Submit {
            id: 3,
            command: &Command::new("/x"),
            deadline: Deadline::within(Duration::ZERO),
        },
    ));
    assert!(matches!(late[..], [(3, Err(Error::Closed))]));
}

#[test]
fn silence_is_probed_and_an_answer_is_enough() {
    let mut rig = Rig::logged_in();
    assert_eq!(rig.session.next_deadline(), Some(rig.at(30)));
    assert_eq!(
        written(&rig.tick(30)),
        [["/system/identity/print", "=.proplist=name", ".tag=1"]]
    );
    assert!(
        rig.heard(31, &[&["!re", "=name=r", ".tag=1"], &["!done", ".tag=1"]])
            .is_empty()
    );
    assert_eq!(rig.session.next_deadline(), Some(rig.at(61)));
    rig.tick(61);
    let effects = rig.tick(66);
    assert!(
        matches!(effects[..], [Effect::Close(Error::Timeout(Waiting::Session))]),
        "{effects:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_command_ends_exactly_once_whatever_the_router_says(
        script in prop::collection::vec((0u8..7, 1u64..6, 0u64..20), 0..60),
        rubbish in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut rig = Rig::logged_in();
        let mut ended = Vec::new();
        for id in 1..=4 {
            rig.submit(id, "/a/print");
        }
        let mut seconds = 0;
        for (kind, tag, wait) in script {
            seconds += wait / 10;
            let tag = format!(".tag={tag}");
            let effects = match kind {
                0 => rig.heard(seconds, &[&["!re", "=a=b", &tag]]),
                1 => rig.heard(seconds, &[&["!done", &tag]]),
                2 => rig.heard(seconds, &[&["!trap", "=message=failure: x", &tag], &["!done", &tag]]),
                3 => rig.heard(seconds, &[&["!empty", &tag]]),
                4 => rig.heard(seconds, &[&["!done"]]),
                5 => rig.session.step(rig.start + Duration::from_secs(seconds), Input::Abandon(wait % 5)),
                _ => rig.tick(seconds),
            };
            ended.extend(finished(effects).into_iter().map(|(id, _)| id));
        }
        let now = rig.at(seconds);
        ended.extend(finished(rig.session.step(now, Input::Received(&rubbish))).into_iter().map(|(id, _)| id));
        ended.extend(finished(rig.session.step(now, Input::Ended(Error::Closed))).into_iter().map(|(id, _)| id));
        ended.sort_unstable();
        prop_assert_eq!(ended, vec![1, 2, 3, 4]);
    }
}
