//! Dead letters: what a consumer gave up on is listed, and has its effect once, however often it comes and is replayed.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use proptest::prelude::*;
use serde_json::json;
use simpul_adapters::bus::{
    Consumer, Envelope, Source,
    consumer::{Disposition, ReplayError, Taken, bury, dispose, replay, take_in},
};
use simpul_domain::{EventId, TenantId, billing::CreditAccount};
use simpul_event_store::{
    EventStore, StoreError, TenantTx, Work,
    feed::{self, HandlerError, Interest},
    inline::dead_letter,
};
use simpul_sim::model::{broker::Message, store::Store};
use simpul_testkit::TestDb;

use crate::{
    Court,
    broker::message,
    log::{context, credit, text},
    tenant,
};

const NAME: &str = "law";
const MESSAGES: u8 = 3;

/// What the consumer makes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Fine,
    Refused,
    Fails,
}

impl How {
    fn outcome(self) -> Result<(), HandlerError> {
        match self {
            Self::Fine => Ok(()),
            Self::Refused => Err(HandlerError::permanent("refused")),
            Self::Fails => Err(HandlerError::transient(StoreError::Conflict)),
        }
    }
}

/// What came of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replayed {
    Consumed,
    Repeated,
    NotFound,
    Failed,
}

/// What everybody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    /// Messages in the order of their effects.
    effects: Vec<u8>,
    letters: BTreeSet<u8>,
}

/// A consumer, and what it gave up on.
trait Post {
    /// One delivery; whether it is acknowledged.
    async fn deliver(&mut self, message: u8, how: How, deliveries: u32) -> bool;
    async fn replay(&mut self, message: u8, how: How) -> Replayed;
    async fn standing(&mut self) -> Standing;
}

struct Model {
    store: Store,
    tenant: TenantId,
    effects: Vec<u8>,
}

impl Model {
    fn message(&self, number: u8) -> Message {
        Message {
            tenant: self.tenant,
            event: message(i64::from(number)),
            deliveries: 1,
            is_dead: false,
        }
    }

    fn id(&self, number: u8) -> EventId {
        self.message(number).event.id
    }

    fn handle(&mut self, number: u8, how: How) -> Result<Taken, HandlerError> {
        let id = self.id(number);
        if self.store.is_taken_in(self.tenant, id) {
            return Ok(Taken::Repeated);
        }
        how.outcome()?;
        assert!(self.store.first_time(self.tenant, id));
        self.effects.push(number);
        Ok(Taken::Consumed)
    }
}

impl Post for Model {
    async fn deliver(&mut self, number: u8, how: How, deliveries: u32) -> bool {
        let outcome = self.handle(number, how);
        match dispose(outcome, 0, deliveries) {
            Disposition::Acknowledge => true,
            Disposition::Bury { .. } => {
                self.store.bury(self.message(number));
                true
            }
            Disposition::Requeue { .. } | Disposition::Hold { .. } => false,
        }
    }

    async fn replay(&mut self, number: u8, how: How) -> Replayed {
        let id = self.id(number);
        if self.store.letter(self.tenant, id).is_none() {
            return Replayed::NotFound;
        }
        let replayed = match self.handle(number, how) {
            Ok(Taken::Repeated) => Replayed::Repeated,
            Ok(_) => Replayed::Consumed,
            Err(_) => return Replayed::Failed,
        };
        assert!(self.store.take_letter(self.tenant, id).is_some());
        replayed
    }

    async fn standing(&mut self) -> Standing {
        let letters: BTreeSet<EventId> = self.store.letters().map(|(_, event)| event).collect();
        Standing {
            effects: self.effects.clone(),
            letters: (0..MESSAGES)
                .filter(|number| letters.contains(&self.id(*number)))
                .collect(),
        }
    }
}

/// The product's consumer on the bench.
#[derive(Clone)]
struct Bench {
    how: Arc<Mutex<How>>,
    /// Handled and not committed yet.
    open: Arc<Mutex<Option<i64>>>,
    effects: Arc<Mutex<Vec<i64>>>,
}

fn set<T>(of: &Mutex<T>, value: T) -> T {
    std::mem::replace(&mut of.lock().unwrap_or_else(PoisonError::into_inner), value)
}

impl Consumer for Bench {
    fn name(&self) -> &str {
        NAME
    }

    fn interest(&self) -> Interest {
        Interest::All
    }

    async fn consume(&self, _: &mut TenantTx, event: &Envelope) -> Result<(), HandlerError> {
        let how = *self.how.lock().expect("not poisoned");
        how.outcome()?;
        set(&self.open, Some(event.tenant_seq));
        Ok(())
    }

    fn committed(&self) {
        let effect = set(&self.open, None);
        self.effects.lock().expect("not poisoned").extend(effect);
    }
}

struct Real {
    store: EventStore,
    tenant: TenantId,
    bench: Bench,
    envelopes: Vec<Envelope>,
}

impl Real {
    /// A log with an event for each message.
    async fn new(store: EventStore, tenant: TenantId) -> Self {
        for number in 0..MESSAGES {
            let context = context(tenant, number);
            let mut work = Work::new(&store, &context);
            work.decide::<CreditAccount>(&text(number), credit(number))
                .await
                .expect("credit is never refused");
            work.commit("law", &[0; 32], &json!(null))
                .await
                .expect("appended");
        }
        let source = Source {
            name: "/law".to_owned(),
            store_epoch: "1".to_owned(),
        };
        let events = feed::page(&store, tenant, 0, i64::from(MESSAGES))
            .await
            .expect("read");
        let bench = Bench {
            how: Arc::new(Mutex::new(How::Fine)),
            open: Arc::default(),
            effects: Arc::default(),
        };
        Self {
            store,
            tenant,
            bench,
            envelopes: events.iter().map(|event| Envelope::of(event, &source)).collect(),
        }
    }

    fn envelope(&self, number: u8) -> &Envelope {
        &self.envelopes[usize::from(number)]
    }
}

impl Post for Real {
    async fn deliver(&mut self, number: u8, how: How, deliveries: u32) -> bool {
        set(&self.bench.how, how);
        let outcome = take_in(&self.store, &self.bench, self.envelope(number)).await;
        match dispose(outcome, 0, deliveries) {
            Disposition::Acknowledge => true,
            Disposition::Bury { reason } => {
                bury(&self.store, &self.bench, self.envelope(number), &reason)
                    .await
                    .expect("kept");
                true
            }
            Disposition::Requeue { .. } | Disposition::Hold { .. } => false,
        }
    }

    async fn replay(&mut self, number: u8, how: How) -> Replayed {
        set(&self.bench.how, how);
        let id = self.envelope(number).id;
        match replay(&self.store, &self.bench, self.tenant, id).await {
            Ok(Taken::Consumed) => Replayed::Consumed,
            Ok(_) => Replayed::Repeated,
            Err(ReplayError::NotFound) => Replayed::NotFound,
            Err(ReplayError::Failed(_)) => Replayed::Failed,
            Err(error) => panic!("{error}"),
        }
    }

    async fn standing(&mut self) -> Standing {
        let mut tx = self
            .store
            .db()
            .tenant_tx(self.tenant)
            .await
            .expect("a transaction");
        let letters = dead_letter::list(&mut tx, 100).await.expect("listed");
        tx.commit().await.expect("committed");
        let listed = |number: &u8| {
            letters
                .iter()
                .any(|letter| letter.message == self.envelope(*number).id)
        };
        let effects = self.bench.effects.lock().expect("not poisoned");
        Standing {
            effects: effects
                .iter()
                .map(|seq| u8::try_from(*seq - 1).expect("one of ours"))
                .collect(),
            letters: (0..MESSAGES).filter(listed).collect(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Deliver { message: u8, how: How, deliveries: u32 },
    Replay { message: u8, how: How },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let how = || prop_oneof![Just(How::Fine), Just(How::Refused), Just(How::Fails)];
    let deliveries = prop_oneof![3 => 1..20_u32, 1 => 20..22_u32];
    let step = prop_oneof![
        3 => (0..MESSAGES, how(), deliveries)
            .prop_map(|(message, how, deliveries)| Step::Deliver { message, how, deliveries }),
        2 => (0..MESSAGES, how()).prop_map(|(message, how)| Step::Replay { message, how }),
    ];
    prop::collection::vec(step, 1..20)
}

/// Drives one side, checking what must hold of any.
async fn drive(post: &mut impl Post, steps: &[Step]) -> Vec<(String, Standing)> {
    let mut seen = Vec::new();
    for step in steps {
        let (message, said) = match *step {
            Step::Deliver {
                message,
                how,
                deliveries,
            } => {
                let acknowledged = post.deliver(message, how, deliveries).await;
                (
                    acknowledged.then_some(message),
                    format!("acknowledged: {acknowledged}"),
                )
            }
            Step::Replay { message, how } => (None, format!("{:?}", post.replay(message, how).await)),
        };
        let standing = post.standing().await;
        let effects: BTreeSet<&u8> = standing.effects.iter().collect();
        assert_eq!(effects.len(), standing.effects.len(), "a message had two effects");
        if let Some(message) = message {
            let is_safe = effects.contains(&message) || standing.letters.contains(&message);
            assert!(is_safe, "an acknowledged message is lost");
        }
        seen.push((said, standing));
    }
    seen
}

#[test]
fn letters_are_buried_listed_and_replayed_alike() {
    let court = Court::open();
    let test = court.wait(TestDb::create());
    court.for_all(&steps(), async |steps| {
        let tenant = tenant();
        let mut model = Model {
            store: Store::new([tenant], None),
            tenant,
            effects: Vec::new(),
        };
        let mut real = Real::new(test.store(), tenant).await;
        let (said, was) = (drive(&mut model, &steps).await, drive(&mut real, &steps).await);
        assert_eq!(said, was, "model and PostgreSQL differ");
    });
}
