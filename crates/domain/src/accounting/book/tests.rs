//! Record by record: what each does to an open session and to one that is over (`facts/network.md` 3.7).

use super::*;
use crate::{
    SubscriptionId,
    accounting::{Caller, Count, Octets, Reading},
    given::{at, sealed, uuid},
};

fn id(number: u128) -> RadiusSessionId {
    RadiusSessionId::new(uuid(number))
}

fn count(octets: u64) -> Count {
    Count {
        octets: Octets::try_new(octets).expect("in range"),
        wide: true,
    }
}

/// Of session 1 unless said otherwise, `minute` minutes after noon, heard at once.
fn record(kind: Kind, minute: i64) -> Record {
    Record {
        session: id(1),
        kind,
        at: at(minute),
        heard_at: at(minute),
        reading: None,
        caller: Some(Caller::new("budi".to_owned())),
        line: None,
        who: None,
    }
}

fn read(record: Record, minutes: u32, octets: u64) -> Record {
    let reading = Reading {
        seconds: Some(minutes * 60),
        input: count(octets),
        output: count(octets * 2),
    };
    Record {
        reading: Some(reading),
        ..record
    }
}

const STOP: Kind = Kind::Stop {
    cause: Cause::UserRequest,
};

fn interim(minute: u32, octets: u64) -> Record {
    read(record(Kind::Interim, minute.into()), minute, octets)
}

fn stop(minute: u32, octets: u64) -> Record {
    read(record(STOP, minute.into()), minute, octets)
}

fn book() -> Book {
    Book::new(RouterId::new(uuid(9)), RouterHearing::default(), [], INTERIM)
}

/// What became of the session and what was said of it, one word an event.
fn after(book: &mut Book, records: impl IntoIterator<Item = Record>) -> String {
    let mut words = Vec::new();
    for record in records {
        words.extend(book.take(&record).iter().map(word));
    }
    words.join(" ")
}

fn word((_, command): &News) -> String {
    match command {
        RadiusSessionCommand::Start(started) if started.told => "started".to_owned(),
        RadiusSessionCommand::Start(_) => "started?".to_owned(),
        RadiusSessionCommand::RecordUsage(recorded) => format!("usage:{}", recorded.usage.input_octets.get()),
        RadiusSessionCommand::Stop(stopped) => {
            format!("stopped:{:?}:{}", stopped.cause, stopped.usage.input_octets.get())
        }
        RadiusSessionCommand::CorrectEnd(corrected) => {
            format!(
                "corrected:{:?}:{}",
                corrected.cause,
                corrected.usage.input_octets.get()
            )
        }
    }
}

fn row(book: &Book, number: u128) -> &SessionRow {
    book.row(id(number)).expect("a row")
}

#[test]
fn usage_is_told_once_in_five_minutes_and_with_the_end() {
    let mut book = book();
    let words = after(
        &mut book,
        [
            record(Kind::Start, 0),
            interim(1, 10),
            interim(4, 40),
            interim(5, 50),
            interim(9, 90),
            interim(10, 100),
            stop(12, 120),
        ],
    );
    assert_eq!(words, "started usage:50 usage:100 stopped:UserRequest:120");
    assert_eq!(row(&book, 1).stopped_at(), Some(at(12)));
}

#[test]
fn a_repeat_says_nothing_and_changes_nothing() {
    let mut book = book();
    let records = [record(Kind::Start, 0), interim(5, 50), stop(7, 70)];
    after(&mut book, records.clone());
    let before = row(&book, 1).clone();
    assert_eq!(after(&mut book, records), "");
    assert_eq!(row(&book, 1), &before);
}

#[test]
fn an_interim_after_the_stop_does_not_reopen_and_may_raise_what_was_used() {
    let mut book = book();
    let words = after(
        &mut book,
        [
            record(Kind::Start, 0),
            stop(7, 70),
            interim(6, 60),
            interim(8, 90),
        ],
    );
    assert_eq!(words, "started stopped:UserRequest:70 usage:90");
    assert!(!row(&book, 1).is_open());
    assert_eq!(row(&book, 1).stopped_at(), Some(at(7)));
}

#[test]
fn a_stop_before_its_start_makes_a_session_that_is_over() {
    let mut book = book();
    let line = SubscriptionId::new(uuid(5));
    let start = Record {
        line: Some(line),
        who: Some(sealed("budi")),
        ..record(Kind::Start, 1)
    };
    assert_eq!(
        after(&mut book, [stop(7, 70), start]),
        "started? stopped:UserRequest:70"
    );
    let row = row(&book, 1);
    assert!(!row.is_open());
    assert_eq!((row.began.at, row.began.told), (at(1), true));
    assert_eq!((row.line, row.who.as_ref()), (Some(line), Some(&sealed("budi"))));
}

#[test]
fn a_router_that_begins_anew_ends_what_began_before() {
    let mut book = book();
    after(&mut book, [record(Kind::Start, 0), interim(5, 50)]);
    let mut second = record(Kind::Start, 8);
    second.session = id(2);
    second.caller = Some(Caller::new("siti".to_owned()));
    after(&mut book, [second]);
    let on = NasRecord {
        at: at(8),
        heard_at: at(8),
    };
    let words: Vec<String> = book.restart(on).iter().map(word).collect();
    assert_eq!(words, ["stopped:NasReboot:50"]);
    assert_eq!(row(&book, 1).stopped_at(), Some(at(5)));
    assert!(row(&book, 2).is_open(), "it did not begin before");
    assert_eq!(book.restart(on), [], "once is enough");
}

#[test]
fn what_comes_late_of_before_a_restart_begins_as_over() {
    let mut book = book();
    book.restart(NasRecord {
        at: at(10),
        heard_at: at(10),
    });
    assert_eq!(
        after(&mut book, [interim(5, 50)]),
        "started? stopped:NasReboot:50"
    );
    // The stop that the router had sent before, and that was in the spool.
    assert_eq!(after(&mut book, [stop(6, 60)]), "corrected:UserRequest:60");
    assert_eq!(row(&book, 1).stopped_at(), Some(at(6)));
}

#[test]
fn a_new_start_of_the_same_caller_ends_the_session_whose_stop_was_lost() {
    let mut book = book();
    after(&mut book, [record(Kind::Start, 0), interim(5, 50)]);
    let mut next = record(Kind::Start, 9);
    next.session = id(2);
    assert_eq!(after(&mut book, [next]), "started stopped:Superseded:50");
    assert!(row(&book, 2).is_open());
    assert_eq!(after(&mut book, [interim(8, 80)]), "usage:80");
    assert_eq!(
        row(&book, 1).stopped_at(),
        Some(at(8)),
        "it was heard of until then"
    );
}

#[test]
fn who_calls_from_another_device_ends_nobody() {
    let mut book = book();
    after(&mut book, [record(Kind::Start, 0)]);
    let mut other = record(Kind::Start, 9);
    other.session = id(2);
    other.caller = Some(Caller::new("budi's phone".to_owned()));
    assert_eq!(after(&mut book, [other]), "started");
    let mut nobody = record(Kind::Start, 9);
    nobody.session = id(3);
    nobody.caller = None;
    assert_eq!(after(&mut book, [nobody]), "started");
    assert!(book.rows().all(SessionRow::is_open));
}

#[test]
fn a_session_of_which_nothing_comes_for_three_intervals_is_lost() {
    let mut book = book();
    after(&mut book, [record(Kind::Start, 0), interim(5, 50)]);
    let mut other = record(Kind::Start, 19);
    other.session = id(2);
    other.caller = None;
    after(&mut book, [other.clone()]);
    assert_eq!(book.sweep(at(20)), [], "fifteen minutes are not over");
    other.kind = Kind::Interim;
    other.heard_at = at(21);
    after(&mut book, [other]);
    let words: Vec<String> = book.sweep(at(21)).iter().map(word).collect();
    assert_eq!(words, ["stopped:Lost:50"]);
    assert_eq!(row(&book, 1).stopped_at(), Some(at(5)));
    assert_eq!(after(&mut book, [interim(25, 250)]), "usage:250");
    assert!(!row(&book, 1).is_open(), "what is over stays over");
    assert_eq!(row(&book, 1).stopped_at(), Some(at(25)));
}

#[test]
fn nothing_is_lost_because_its_router_or_we_were_away() {
    let mut book = book();
    let mut other = record(Kind::Start, 0);
    other.session = id(2);
    other.caller = None;
    after(&mut book, [record(Kind::Start, 0), other.clone()]);
    assert_eq!(book.sweep(at(600)), [], "nothing at all was heard");
    // It is back: both get their time to be heard again.
    other.kind = Kind::Interim;
    other.heard_at = at(601);
    after(&mut book, [other.clone()]);
    assert_eq!(book.sweep(at(602)), []);
    other.heard_at = at(610);
    after(&mut book, [other.clone()]);
    other.heard_at = at(617);
    after(&mut book, [other]);
    assert_eq!(book.sweep(at(617)).len(), 1, "the one that was not heard again");
    assert!(row(&book, 2).is_open());
    // And after a day of silence nobody waits any more.
    assert_eq!(book.sweep(at(617 + 24 * 60 + 1)).len(), 1);
}
