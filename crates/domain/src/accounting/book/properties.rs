//! Property 71 on the machine: a router with callers, reboots and 32-bit counters, and a way on which packets are lost,
//! repeated and overtaken.

use std::collections::BTreeMap;

use proptest::{prelude::*, sample::Index};

use super::*;
use crate::{
    Decider as _,
    accounting::{Caller, Count, Octets, RadiusSession, Reading, Usage},
    given::{at, uuid},
};

/// What a router sends, in its order.
#[derive(Debug, Clone)]
enum Packet {
    Session(Box<Record>),
    Restart(NasRecord),
}

/// What one caller does: how long each session lasts in intervals, what it transfers in each, and how it ends.
#[derive(Debug, Clone)]
struct Visit {
    pause: u32,
    intervals: Vec<(u32, u32)>,
    says_start: bool,
    says_stop: bool,
}

#[derive(Debug, Clone)]
struct Script {
    wide: bool,
    visits: Vec<Vec<Visit>>,
    /// Minutes at which the router begins anew.
    restarts: Vec<u32>,
}

/// Readings of a session that all fit into the window, so that any order of them is seen through.
const LONGEST: usize = 12;

fn visit() -> impl Strategy<Value = Visit> {
    (
        1_u32..4,
        prop::collection::vec((any::<u32>(), any::<u32>()), 1..LONGEST),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.6),
    )
        .prop_map(|(pause, intervals, says_start, says_stop)| Visit {
            pause,
            intervals,
            says_start,
            says_stop,
        })
}

fn script() -> impl Strategy<Value = Script> {
    (
        any::<bool>(),
        prop::collection::vec(prop::collection::vec(visit(), 1..4), 1..4),
        prop::collection::vec(1_u32..150, 0..3),
    )
        .prop_map(|(wide, visits, restarts)| Script {
            wide,
            visits,
            restarts,
        })
}

impl Script {
    /// Every packet in the order of its time, and what each session transferred as the router counted it.
    fn run(&self) -> (Vec<Packet>, BTreeMap<RadiusSessionId, Usage>) {
        let mut packets: Vec<(i64, Packet)> = Vec::new();
        let mut truth = BTreeMap::new();
        for (caller, visits) in self.visits.iter().enumerate() {
            let mut minute = 0_u32;
            for (number, visit) in visits.iter().enumerate() {
                minute += visit.pause;
                let session = RadiusSessionId::new(uuid((caller * 100 + number + 1) as u128));
                let life = Life {
                    wide: self.wide,
                    session,
                    caller,
                    from: minute,
                    until: self
                        .restarts
                        .iter()
                        .copied()
                        .filter(|&restart| restart > minute)
                        .min(),
                };
                minute = life.live(visit, &mut packets, &mut truth);
            }
        }
        for &restart in &self.restarts {
            let at = at(i64::from(restart));
            packets.push((
                i64::from(restart) * 60,
                Packet::Restart(NasRecord { at, heard_at: at }),
            ));
        }
        packets.sort_by_key(|(second, _)| *second);
        (packets.into_iter().map(|(_, packet)| packet).collect(), truth)
    }
}

struct Life {
    wide: bool,
    session: RadiusSessionId,
    caller: usize,
    from: u32,
    until: Option<u32>,
}

impl Life {
    fn packet(&self, kind: Kind, minutes: u32, usage: Usage) -> (i64, Packet) {
        let count = |octets: Octets| Count {
            octets: if self.wide {
                octets
            } else {
                Octets::try_new(octets.get() % (1 << 32)).expect("32 bits")
            },
            wide: self.wide,
        };
        let minute = i64::from(self.from + minutes);
        let reading = Reading {
            seconds: Some(minutes * 60),
            input: count(usage.input_octets),
            output: count(usage.output_octets),
        };
        let record = Record {
            session: self.session,
            kind,
            at: at(minute),
            heard_at: at(minute),
            reading: (kind != Kind::Start).then_some(reading),
            caller: Some(Caller::new(self.caller.to_string())),
            line: None,
            who: None,
        };
        (minute * 60, Packet::Session(Box::new(record)))
    }

    /// Sends what the session sends, until its router begins anew. Returns the minute in which it is over.
    fn live(
        &self,
        visit: &Visit,
        packets: &mut Vec<(i64, Packet)>,
        truth: &mut BTreeMap<RadiusSessionId, Usage>,
    ) -> u32 {
        let mut usage = Usage::default();
        if visit.says_start {
            packets.push(self.packet(Kind::Start, 0, usage));
            truth.insert(self.session, usage);
        }
        let mut minutes = 0;
        for (index, &(input, output)) in visit.intervals.iter().enumerate() {
            minutes += 5;
            if let Some(until) = self.until
                && self.from + minutes >= until
            {
                return until;
            }
            let more = |octets: Octets, by: u32| {
                Octets::try_new(octets.get() + u64::from(by)).expect("a session of a test")
            };
            usage = Usage {
                seconds: minutes * 60,
                input_octets: more(usage.input_octets, input),
                output_octets: more(usage.output_octets, output),
            };
            let last = index + 1 == visit.intervals.len();
            let kind = if last && visit.says_stop {
                Kind::Stop {
                    cause: Cause::UserRequest,
                }
            } else {
                Kind::Interim
            };
            packets.push(self.packet(kind, minutes, usage));
            truth.insert(self.session, usage);
        }
        self.from + minutes
    }
}

/// A book, and the streams that its news make.
struct Desk {
    book: Book,
    streams: BTreeMap<RadiusSessionId, RadiusSession>,
}

impl Desk {
    fn new() -> Self {
        let router = RouterId::new(uuid(9));
        Self {
            book: Book::new(router, RouterHearing::default(), [], INTERIM),
            streams: BTreeMap::new(),
        }
    }

    fn take(&mut self, packet: &Packet) {
        let before: BTreeMap<_, _> = self.book.rows().map(|row| (row.session, row.clone())).collect();
        let news = match packet {
            Packet::Session(record) => self.book.take(record),
            Packet::Restart(record) => self.book.restart(*record),
        };
        for row in self.book.rows() {
            if let Some(before) = before.get(&row.session) {
                let grown = before.meter.usage.joined(row.meter.usage);
                assert_eq!(grown, row.meter.usage, "what was recorded falls");
                assert!(before.is_open() || !row.is_open(), "a session begins again");
            }
        }
        for (session, command) in news {
            let stream = self.streams.entry(session).or_default();
            let events = stream.decide(command).expect("a book says what can be");
            assert_eq!(events.len(), 1, "a book says nothing twice");
            for event in &events {
                stream.evolve(event);
            }
        }
        for row in self.book.rows() {
            let stream = self.streams.get(&row.session).copied();
            assert_eq!(stream, Some(RadiusSession::of(row)), "the log and the row differ");
            assert!(
                row.is_open() || row.said.usage == row.meter.usage,
                "an end without its usage"
            );
        }
    }

    fn after<'a>(packets: impl IntoIterator<Item = &'a Packet>) -> Self {
        let mut desk = Self::new();
        packets.into_iter().for_each(|packet| desk.take(packet));
        desk
    }

    /// What must not depend on the order: usage, and whether and when a session ended.
    fn result(&self) -> BTreeMap<RadiusSessionId, (Usage, Option<DateTime<Utc>>)> {
        let row = |row: &SessionRow| (row.session, (row.meter.usage, row.stopped_at()));
        self.book.rows().map(row).collect()
    }

    fn usage(&self) -> BTreeMap<RadiusSessionId, Usage> {
        let row = |row: &SessionRow| (row.session, row.meter.usage);
        self.book.rows().map(row).collect()
    }
}

/// What is stored, of which each packet gets a book of no more than it must have.
struct Shelf {
    hearing: RouterHearing,
    rows: BTreeMap<RadiusSessionId, SessionRow>,
    news: Vec<News>,
}

impl Shelf {
    fn after<'a>(packets: impl IntoIterator<Item = &'a Packet>) -> Self {
        let mut shelf = Self {
            hearing: RouterHearing::default(),
            rows: BTreeMap::new(),
            news: Vec::new(),
        };
        packets.into_iter().for_each(|packet| shelf.take(packet));
        shelf
    }

    fn take(&mut self, packet: &Packet) {
        let rows = self.wanted(packet);
        let mut book = Book::new(RouterId::new(uuid(9)), self.hearing, rows, INTERIM);
        self.news.extend(match packet {
            Packet::Session(record) => book.take(record),
            Packet::Restart(record) => book.restart(*record),
        });
        self.hearing = book.hearing();
        let changed = book.changed().map(|row| (row.session, row.clone()));
        self.rows.extend(changed);
    }

    fn wanted(&self, packet: &Packet) -> Vec<SessionRow> {
        let Packet::Session(record) = packet else {
            return self.rows.values().filter(|row| row.is_open()).cloned().collect();
        };
        let row = self.rows.get(&record.session);
        if row.is_some_and(|row| row.is_settled(record.kind, record.at, record.reading)) {
            return row.cloned().into_iter().collect();
        }
        let of_caller = || self.rows.values().filter(|row| row.caller == record.caller);
        let open = of_caller().filter(|row| row.is_open());
        let newest = of_caller().max_by_key(|row| row.began.at);
        row.into_iter().chain(open).chain(newest).cloned().collect()
    }
}

/// The packets that arrive, some of them twice, in an order of their own.
fn arrival(packets: &[Packet], lost: &[Index], twice: &[Index], order: &[u64]) -> (Vec<Packet>, Vec<Packet>) {
    let mut arriving: Vec<Packet> = packets.to_vec();
    for lost in lost {
        if !arriving.is_empty() {
            arriving.remove(lost.index(arriving.len()));
        }
    }
    let mut shuffled: Vec<Packet> = arriving.clone();
    for twice in twice {
        if !arriving.is_empty() {
            shuffled.push(arriving[twice.index(arriving.len())].clone());
        }
    }
    let mut keyed: Vec<(u64, Packet)> = order.iter().copied().cycle().zip(shuffled).collect();
    // Equal keys would keep the order; the index makes each its own.
    for (index, (key, _)) in keyed.iter_mut().enumerate() {
        *key = key.rotate_left(u32::try_from(index % 64).unwrap_or_default());
    }
    keyed.sort_by_key(|(key, _)| *key);
    (arriving, keyed.into_iter().map(|(_, packet)| packet).collect())
}

fn indexes(most: usize) -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // Property 71: shuffled, repeated and lost packets, reboots and counter wraps give the bytes of the ordered stream,
    // and never less than before (`Desk::take` looks after every packet).
    #[test]
    fn any_arrival_gives_the_bytes_of_the_ordered_stream(
        script in script(),
        lost in indexes(8),
        twice in indexes(16),
        order in prop::collection::vec(any::<u64>(), 1..80),
    ) {
        let (packets, truth) = script.run();
        let (arriving, shuffled) = arrival(&packets, &lost, &twice, &order);
        let ordered = Desk::after(&arriving);
        let any = Desk::after(&shuffled);
        prop_assert_eq!(any.result(), ordered.result());
        for (session, usage) in ordered.usage() {
            let counted = truth.get(&session).copied().unwrap_or_default();
            prop_assert_eq!(usage.joined(counted), counted, "more than the router counted");
        }
    }

    #[test]
    fn a_book_of_what_a_record_must_have_says_what_a_book_of_everything_says(
        script in script(),
        lost in indexes(8),
        twice in indexes(16),
        order in prop::collection::vec(any::<u64>(), 1..80),
    ) {
        let (packets, _) = script.run();
        let (_, shuffled) = arrival(&packets, &lost, &twice, &order);
        let mut whole = Desk::new().book;
        let mut news = Vec::new();
        for packet in &shuffled {
            news.extend(match packet {
                Packet::Session(record) => whole.take(record),
                Packet::Restart(record) => whole.restart(*record),
            });
        }
        let shelf = Shelf::after(&shuffled);
        prop_assert_eq!(shelf.news, news);
        prop_assert_eq!(shelf.rows.values().collect::<Vec<_>>(), whole.rows().collect::<Vec<_>>());
    }

    // Property 71: when nothing is lost, they are the bytes that the router counted, wraps and all.
    #[test]
    fn without_loss_they_are_the_bytes_that_the_router_counted(
        script in script(),
        twice in indexes(16),
        order in prop::collection::vec(any::<u64>(), 1..80),
    ) {
        let (packets, truth) = script.run();
        let (_, shuffled) = arrival(&packets, &[], &twice, &order);
        prop_assert_eq!(Desk::after(&shuffled).usage(), truth);
    }

    // Property 71: of counters with their upper half, what was told last is everything, whatever was lost before.
    #[test]
    fn what_was_told_last_is_everything(script in script(), lost in indexes(20)) {
        let (packets, _) = Script { wide: true, ..script }.run();
        let (arriving, _) = arrival(&packets, &lost, &[], &[0]);
        let mut told: BTreeMap<RadiusSessionId, Usage> = BTreeMap::new();
        for packet in &arriving {
            if let Packet::Session(record) = packet {
                let usage = told.entry(record.session).or_default();
                if let Some(reading) = record.reading {
                    *usage = usage.joined(Usage {
                        seconds: reading.seconds.unwrap_or_default(),
                        input_octets: reading.input.octets,
                        output_octets: reading.output.octets,
                    });
                }
            }
        }
        prop_assert_eq!(Desk::after(&arriving).usage(), told);
    }

    // Property 71: a month's session whose packets overtake one another by some places.
    #[test]
    fn a_long_session_may_be_overtaken_within_the_window(
        intervals in prop::collection::vec((any::<u32>(), any::<u32>()), 20..200),
        lateness in prop::collection::vec(0_usize..10, 1..40),
    ) {
        let visit = Visit { pause: 1, intervals, says_start: true, says_stop: true };
        let script = Script { wide: false, visits: vec![vec![visit]], restarts: Vec::new() };
        let (packets, truth) = script.run();
        let mut late: Vec<(usize, &Packet)> = lateness
            .iter()
            .copied()
            .cycle()
            .zip(&packets)
            .enumerate()
            .map(|(index, (late, packet))| (index + late, packet))
            .collect();
        late.sort_by_key(|(place, _)| *place);
        let desk = Desk::after(late.into_iter().map(|(_, packet)| packet));
        prop_assert_eq!(desk.usage(), truth);
    }
}
