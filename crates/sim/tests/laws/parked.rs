//! Parked events: what a subscriber cannot handle, what waits behind it, and in which order it is handled after all.

use std::{
    collections::BTreeSet,
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};

use proptest::prelude::*;
use serde_json::json;
use simpul_domain::{Decider as _, TenantId, billing::CreditAccount};
use simpul_event_store::{
    EventStore, Recorded, TenantTx, Work,
    feed::{
        HandlerError, OnError, Projector, Runner, RunnerSettings,
        machine::{Effect, Input, Machine},
        parked, projection,
    },
};
use simpul_sim::model::{log, parked::Place, store::Store};
use simpul_testkit::TestDb;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    Court,
    log::{append, context, credit, id, text},
    tenant,
};

const NAME: &str = "law";
const VERSION: i32 = 1;
const STREAMS: u8 = 3;
const BATCH: usize = 3;
/// A log of a few events is read at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// What became of a log with a subscriber.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Seen {
    /// Positions in the order in which they were handled.
    handled: Vec<i64>,
    /// Positions, with their streams.
    parked: Vec<(i64, u8)>,
}

/// A log and its subscriber.
trait Following {
    /// An event of a stream.
    async fn happen(&mut self, stream: u8);
    /// From now on events of the stream cannot be handled.
    fn breaks(&mut self, stream: u8);
    fn mended(&mut self, stream: u8);
    /// Lets the subscriber come to the end of the log.
    async fn follow(&mut self);
    /// Whether nothing of the stream is left.
    async fn retry(&mut self, stream: u8) -> bool;
    async fn seen(&mut self) -> Seen;
}

struct Model {
    store: Store,
    tenant: TenantId,
    broken: BTreeSet<u8>,
    handled: Vec<i64>,
}

impl Model {
    fn is_poison(&self, event: &log::Recorded) -> bool {
        self.broken.iter().any(|stream| id(*stream) == event.stream.1)
    }

    fn move_to(&mut self, seq: i64) {
        let from = self.store.cursor(self.tenant, NAME);
        self.store
            .advance(self.tenant, NAME, from, seq, 1)
            .expect("nobody else leads");
    }

    fn process(&mut self, limit: usize) -> Input {
        let tenant = self.tenant;
        let from = self.store.cursor(tenant, NAME).seq;
        let events = self.store.log(tenant).expect("a log").after(from, limit);
        let more = events.len() >= limit;
        if let Some(last) = events.last().map(|event| event.seq) {
            let (ready, waiting) = self.store.parked.split(tenant, NAME, events);
            if let Some(poison) = ready.iter().find(|event| self.is_poison(event)) {
                let seq = (limit == 1).then_some(poison.seq);
                return Input::Poison { tenant, seq };
            }
            self.handled.extend(ready.iter().map(|event| event.seq));
            for event in &waiting {
                self.store.parked.park(tenant, NAME, event);
            }
            self.move_to(last);
        }
        Input::Done {
            tenant,
            more,
            concerned: true,
        }
    }

    fn park(&mut self, seq: i64) -> Input {
        let tenant = self.tenant;
        let event = self.store.log(tenant).expect("a log").after(seq - 1, 1);
        self.store.parked.park(tenant, NAME, &event[0]);
        self.move_to(seq);
        Input::Done {
            tenant,
            more: true,
            concerned: true,
        }
    }

    fn place(&self, stream: u8) -> Place {
        Place {
            tenant: self.tenant,
            subscriber: NAME,
            key: (CreditAccount::TYPE, id(stream)),
        }
    }
}

impl Following for Model {
    async fn happen(&mut self, stream: u8) {
        append(&mut self.store, self.tenant, stream);
    }

    fn breaks(&mut self, stream: u8) {
        self.broken.insert(stream);
    }

    fn mended(&mut self, stream: u8) {
        self.broken.remove(&stream);
    }

    async fn follow(&mut self) {
        let mut machine = Machine::new(OnError::Park);
        let mut input = Input::Woken;
        loop {
            input = match machine.step(0, input) {
                Effect::TakeLease => Input::LeaseTaken,
                Effect::FindWork => Input::Found {
                    tenants: self.store.backlog(NAME),
                    more: false,
                },
                Effect::Process { .. } => self.process(BATCH),
                Effect::ProcessOne { .. } => self.process(1),
                Effect::Park { seq, .. } => self.park(seq),
                Effect::Wait { .. } => return,
                other => panic!("unexpected {other:?}"),
            };
        }
    }

    async fn retry(&mut self, stream: u8) -> bool {
        let place = self.place(stream);
        let events = self.store.parked.of_key(place);
        if events.iter().any(|event| self.is_poison(event)) {
            return false;
        }
        self.handled.extend(events.iter().map(|event| event.seq));
        self.store.parked.forget(place, i64::MAX);
        true
    }

    async fn seen(&mut self) -> Seen {
        let mut parked = Vec::new();
        for stream in 0..STREAMS {
            let events: Vec<Rc<log::Recorded>> = self.store.parked.of_key(self.place(stream));
            parked.extend(events.iter().map(|event| (event.seq, stream)));
        }
        parked.sort_unstable();
        Seen {
            handled: self.handled.clone(),
            parked,
        }
    }
}

/// What the product's projector does with events, and what it cannot handle.
#[derive(Clone, Default)]
struct Bench {
    broken: Arc<Mutex<BTreeSet<String>>>,
    handled: Arc<Mutex<Vec<i64>>>,
}

impl Projector for Bench {
    const NAME: &'static str = NAME;

    async fn project(&self, _: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let broken = self.broken.lock().expect("not poisoned");
        if events.iter().any(|event| broken.contains(&event.aggregate_id)) {
            return Err(HandlerError::permanent("broken"));
        }
        let seqs = events.iter().map(|event| event.tenant_seq);
        self.handled.lock().expect("not poisoned").extend(seqs);
        Ok(())
    }
}

struct Real {
    store: EventStore,
    tenant: TenantId,
    bench: Bench,
    happened: u8,
}

fn settings() -> RunnerSettings {
    RunnerSettings {
        batch: i64::try_from(BATCH).expect("small"),
    }
}

impl Real {
    async fn position(&self) -> i64 {
        let mut tx = self
            .store
            .db()
            .tenant_tx(self.tenant)
            .await
            .expect("a transaction");
        let position = projection::position(&mut tx, NAME, VERSION).await;
        tx.commit().await.expect("committed");
        position.expect("read")
    }
}

impl Following for Real {
    async fn happen(&mut self, stream: u8) {
        let context = context(self.tenant, self.happened);
        self.happened += 1;
        let mut work = Work::new(&self.store, &context);
        work.decide::<CreditAccount>(&text(stream), credit(stream))
            .await
            .expect("credit is never refused");
        work.commit("law", &[0; 32], &json!(null))
            .await
            .expect("appended");
    }

    fn breaks(&mut self, stream: u8) {
        self.bench
            .broken
            .lock()
            .expect("not poisoned")
            .insert(text(stream));
    }

    fn mended(&mut self, stream: u8) {
        self.bench
            .broken
            .lock()
            .expect("not poisoned")
            .remove(&text(stream));
    }

    async fn follow(&mut self) {
        let head = i64::from(self.happened);
        let stop = CancellationToken::new();
        let runner = Runner::projector(self.store.clone(), self.bench.clone(), VERSION, settings());
        let running = runner.run(stop.clone());
        let watching = async {
            let end = Instant::now() + PATIENCE;
            while self.position().await < head {
                assert!(
                    Instant::now() < end,
                    "the subscriber does not come to the end of the log"
                );
                sleep(Duration::from_millis(2)).await;
            }
            stop.cancel();
        };
        tokio::join!(running, watching);
    }

    async fn retry(&mut self, stream: u8) -> bool {
        let account = text(stream);
        let key = format!("{}/{account}", CreditAccount::TYPE);
        let runner = Runner::projector(self.store.clone(), self.bench.clone(), VERSION, settings());
        runner.retry_parked(self.tenant, &key).await.is_ok()
    }

    async fn seen(&mut self) -> Seen {
        let mut tx = self
            .store
            .db()
            .tenant_tx(self.tenant)
            .await
            .expect("a transaction");
        let rows = parked::list(&mut tx, 1_000).await.expect("listed");
        tx.commit().await.expect("committed");
        let stream = |key: &str| (0..STREAMS).find(|stream| key.ends_with(&text(*stream)));
        Seen {
            handled: self.bench.handled.lock().expect("not poisoned").clone(),
            parked: rows
                .iter()
                .map(|row| (row.tenant_seq, stream(&row.key).expect("one of ours")))
                .collect(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Happen { stream: u8 },
    Break { stream: u8 },
    Mend { stream: u8 },
    Follow,
    Retry { stream: u8 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let stream = || 0..STREAMS;
    let step = prop_oneof![
        8 => stream().prop_map(|stream| Step::Happen { stream }),
        3 => stream().prop_map(|stream| Step::Break { stream }),
        3 => stream().prop_map(|stream| Step::Mend { stream }),
        3 => Just(Step::Follow),
        3 => stream().prop_map(|stream| Step::Retry { stream }),
    ];
    prop::collection::vec(step, 1..30)
}

/// Drives one side, checking what must hold of any.
async fn drive(following: &mut impl Following, steps: &[Step]) -> Vec<(bool, Seen)> {
    let mut seen = Vec::new();
    // The stream of each position.
    let mut log: Vec<u8> = Vec::new();
    for step in steps {
        let retried = match *step {
            Step::Happen { stream } => {
                following.happen(stream).await;
                log.push(stream);
                continue;
            }
            Step::Break { stream } => {
                following.breaks(stream);
                continue;
            }
            Step::Mend { stream } => {
                following.mended(stream);
                continue;
            }
            Step::Follow => {
                following.follow().await;
                true
            }
            Step::Retry { stream } => following.retry(stream).await,
        };
        seen.push((retried, following.seen().await));
    }
    // Mended and retried, everything was handled: once, and the events of a key in their order.
    (0..STREAMS).for_each(|stream| following.mended(stream));
    following.follow().await;
    for stream in 0..STREAMS {
        assert!(following.retry(stream).await, "nothing is broken any more");
    }
    let last = following.seen().await;
    assert_eq!(last.parked, []);
    for stream in 0..STREAMS {
        let of_stream = |seq: &&i64| log[usize::try_from(**seq - 1).expect("a position")] == stream;
        let handled: Vec<i64> = last.handled.iter().filter(of_stream).copied().collect();
        let happened: Vec<i64> = (1..)
            .zip(&log)
            .filter(|(_, of)| **of == stream)
            .map(|(seq, _)| seq)
            .collect();
        assert_eq!(handled, happened, "lost, handled twice or out of order");
    }
    seen.push((true, last));
    seen
}

// Property 72: no event is skipped or seen twice by a projection, whatever it could not handle meanwhile.
#[test]
fn what_is_parked_waits_and_is_handled_in_order_alike() {
    let court = Court::open();
    let test = court.wait(TestDb::create());
    let store = test.store();
    court.for_all(&steps(), async |steps| {
        let tenant = tenant();
        let mut model = Model {
            store: Store::new([tenant], None),
            tenant,
            broken: BTreeSet::new(),
            handled: Vec::new(),
        };
        let mut real = Real {
            store: store.clone(),
            tenant,
            bench: Bench::default(),
            happened: 0,
        };
        let (said, was) = (drive(&mut model, &steps).await, drive(&mut real, &steps).await);
        assert_eq!(said, was, "model and PostgreSQL differ");
    });
}
