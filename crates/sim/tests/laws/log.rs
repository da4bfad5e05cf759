//! The log: units of work that read, decide and commit while others do.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::json;
use simpul_domain::{
    CommandId, CorrelationId, CustomerId, Decider as _, EventId, PaymentId, Rupiah, TenantId,
    billing::{CreditAccount, CreditAccountCommand},
};
use simpul_event_store::{
    Actor, Context, EventStore, StoreError, Work, feed,
    inline::{access, quota},
};
use simpul_sim::{
    cast::command::Answer,
    model::{
        log::{Append, AppendError, Log, Staged},
        store::{BeginError, Store},
    },
};
use simpul_testkit::TestDb;
use uuid::Uuid;

use crate::{Court, next, tenant};

const SCOPE: &str = "law";
const RESOURCE: &str = "law";
/// So much is used before, so that giving back is never too much.
const USED: i64 = 50;
const MAX_USED: i64 = USED + 2;
const SLOTS: usize = 3;
const STREAMS: u8 = 3;
const KEYS: u8 = 2;

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Appended,
    Conflict,
    Repeated,
    Taken,
    QuotaExceeded,
}

/// What everybody sees afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    /// Position, stream, and the event's place in the stream.
    feed: Vec<(i64, Uuid, i64)>,
    members: Vec<Uuid>,
    owners: Vec<Option<Uuid>>,
    used: i64,
}

/// What commands ask of the store. Works in different slots are open at the same time.
trait Works {
    async fn open(&mut self, slot: usize, command: u8);
    async fn write(&mut self, slot: usize, stream: u8);
    async fn read(&mut self, slot: usize, stream: u8);
    fn claim(&mut self, slot: usize, key: u8, owner: u8);
    fn release(&mut self, slot: usize, key: u8);
    fn quota(&mut self, slot: usize, delta: i64);
    fn add(&mut self, slot: usize, member: u8, sort: u8);
    fn remove(&mut self, slot: usize, member: u8);
    async fn commit(&mut self, slot: usize) -> Ended;
    async fn standing(&mut self) -> Standing;
}

pub(crate) fn id(number: u8) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

fn command(number: u8) -> CommandId {
    CommandId::new(id(number))
}

pub(crate) fn credit(stream: u8) -> CreditAccountCommand {
    CreditAccountCommand::AddCredit {
        customer: CustomerId::new(id(stream)),
        payment: PaymentId::new(Uuid::from_u128(next())),
        amount: Rupiah::try_new(1_000).expect("in range"),
        at: DateTime::<Utc>::UNIX_EPOCH,
    }
}

/// Appends an event of a stream to the model.
pub(crate) fn append(store: &mut Store, tenant: TenantId, stream: u8) {
    let log = store.log(tenant).expect("the tenant's log");
    let (state, version) = log.load::<CreditAccount>(id(stream));
    let events = state.decide(credit(stream)).expect("credit is never refused");
    let staged = (version + 1..).zip(events).map(|(sequence, event)| Staged {
        stream: (CreditAccount::TYPE, id(stream)),
        sequence,
        id: EventId::new(Uuid::from_u128(next())),
        event: event.into(),
    });
    let append = Append {
        recorded: true,
        command: CommandId::new(Uuid::from_u128(next())),
        answer: Answer::Nothing,
        events: staged.collect(),
        reads: Vec::new(),
        claims: Vec::new(),
        release: Vec::new(),
        quota: Vec::new(),
        add: Vec::new(),
        drop: Vec::new(),
    };
    let tx = store.begin(1, tenant, append, Vec::new(), None).expect("begun");
    store.commit(tx).expect("committed");
}

/// A unit of work over the model.
#[derive(Default)]
struct Draft {
    command: u8,
    loaded: Vec<(u8, CreditAccount, i64, i64)>,
    append: Option<Append>,
}

struct Model {
    store: Store,
    tenant: TenantId,
    slots: [Draft; SLOTS],
}

impl Model {
    fn log(&self) -> &Log {
        self.store.log(self.tenant).expect("the tenant's log")
    }

    fn loaded(&mut self, slot: usize, stream: u8) -> usize {
        let known = self.slots[slot].loaded.iter().position(|(of, ..)| *of == stream);
        known.unwrap_or_else(|| {
            let (state, version) = self.log().load::<CreditAccount>(id(stream));
            let loaded = &mut self.slots[slot].loaded;
            loaded.push((stream, state, version, version));
            loaded.len() - 1
        })
    }

    fn append(&mut self, slot: usize) -> &mut Append {
        self.slots[slot].append.as_mut().expect("open")
    }
}

impl Works for Model {
    async fn open(&mut self, slot: usize, number: u8) {
        let append = Append {
            recorded: true,
            command: command(number),
            answer: Answer::Nothing,
            events: Vec::new(),
            reads: Vec::new(),
            claims: Vec::new(),
            release: Vec::new(),
            quota: Vec::new(),
            add: Vec::new(),
            drop: Vec::new(),
        };
        self.slots[slot] = Draft {
            command: number,
            loaded: Vec::new(),
            append: Some(append),
        };
    }

    async fn write(&mut self, slot: usize, stream: u8) {
        let index = self.loaded(slot, stream);
        let (_, state, version, _) = &mut self.slots[slot].loaded[index];
        let events = state.decide(credit(stream)).expect("credit is never refused");
        let mut staged = Vec::new();
        for event in events {
            state.evolve(&event);
            *version += 1;
            staged.push(Staged {
                stream: (CreditAccount::TYPE, id(stream)),
                sequence: *version,
                id: EventId::new(Uuid::from_u128(next())),
                event: event.into(),
            });
        }
        self.append(slot).events.extend(staged);
    }

    async fn read(&mut self, slot: usize, stream: u8) {
        self.loaded(slot, stream);
    }

    fn claim(&mut self, slot: usize, key: u8, owner: u8) {
        self.append(slot).claims.push((SCOPE, key.to_string(), id(owner)));
    }

    fn release(&mut self, slot: usize, key: u8) {
        self.append(slot).release.push((SCOPE, key.to_string()));
    }

    fn quota(&mut self, slot: usize, delta: i64) {
        self.append(slot).quota.push((RESOURCE, delta));
    }

    fn add(&mut self, slot: usize, member: u8, sort: u8) {
        self.append(slot)
            .add
            .push((SCOPE, id(0), sort.to_string(), id(member)));
    }

    fn remove(&mut self, slot: usize, member: u8) {
        self.append(slot).drop.push((SCOPE, id(0), id(member)));
    }

    async fn commit(&mut self, slot: usize) -> Ended {
        let draft = std::mem::take(&mut self.slots[slot]);
        let mut append = draft.append.expect("open");
        assert_eq!(append.command, command(draft.command));
        let only_read = draft.loaded.iter().filter(|(_, _, now, read)| now == read);
        append.reads = only_read
            .map(|(stream, _, _, read)| ((CreditAccount::TYPE, id(*stream)), *read))
            .collect();
        match self.store.begin(1, self.tenant, append, Vec::new(), None) {
            Ok(tx) => {
                self.store.commit(tx).expect("committed");
                Ended::Appended
            }
            Err(BeginError::Refused(AppendError::Conflict)) => Ended::Conflict,
            Err(BeginError::Refused(AppendError::Repeated)) => Ended::Repeated,
            Err(BeginError::Refused(AppendError::Taken)) => Ended::Taken,
            Err(BeginError::Refused(AppendError::QuotaExceeded)) => Ended::QuotaExceeded,
            Err(error) => panic!("{error}"),
        }
    }

    async fn standing(&mut self) -> Standing {
        let log = self.log();
        let feed = log.after(0, 10_000);
        Standing {
            feed: feed
                .iter()
                .map(|event| (event.seq, event.stream.1, event.sequence))
                .collect(),
            members: log.members(SCOPE, id(0)),
            owners: (0..KEYS)
                .map(|key| log.claimed_by(SCOPE, &key.to_string()))
                .collect(),
            used: log.quota(RESOURCE).used,
        }
    }
}

struct Real<'s> {
    store: &'s EventStore,
    contexts: &'s [Context],
    tenant: TenantId,
    slots: [Option<Work<'s>>; SLOTS],
}

pub(crate) fn text(number: u8) -> String {
    CustomerId::new(id(number)).to_string()
}

fn uuid(text: &str) -> Uuid {
    text.parse::<CustomerId>().expect("one of ours").as_uuid()
}

impl<'s> Real<'s> {
    fn work(&mut self, slot: usize) -> &mut Work<'s> {
        self.slots[slot].as_mut().expect("open")
    }
}

impl Works for Real<'_> {
    async fn open(&mut self, slot: usize, number: u8) {
        let context = &self.contexts[usize::from(number)];
        // What a process remembers must make no difference.
        self.slots[slot] = Some(if slot == 0 {
            Work::recalling(self.store, context)
        } else {
            Work::new(self.store, context)
        });
    }

    async fn write(&mut self, slot: usize, stream: u8) {
        self.work(slot)
            .decide::<CreditAccount>(&text(stream), credit(stream))
            .await
            .expect("credit is never refused");
    }

    async fn read(&mut self, slot: usize, stream: u8) {
        self.work(slot)
            .load::<CreditAccount>(&text(stream))
            .await
            .expect("loaded");
    }

    fn claim(&mut self, slot: usize, key: u8, owner: u8) {
        self.work(slot).claim(SCOPE, &key.to_string(), &text(owner));
    }

    fn release(&mut self, slot: usize, key: u8) {
        self.work(slot).release(SCOPE, &key.to_string());
    }

    fn quota(&mut self, slot: usize, delta: i64) {
        self.work(slot).quota(RESOURCE, delta);
    }

    fn add(&mut self, slot: usize, member: u8, sort: u8) {
        self.work(slot)
            .add_member(SCOPE, "set", &text(member), &sort.to_string());
    }

    fn remove(&mut self, slot: usize, member: u8) {
        self.work(slot).drop_member(SCOPE, "set", &text(member));
    }

    async fn commit(&mut self, slot: usize) -> Ended {
        let work = self.slots[slot].take().expect("open");
        match work.commit("law", &[0; 32], &json!(null)).await {
            Ok(_) => Ended::Appended,
            Err(StoreError::Conflict) => Ended::Conflict,
            Err(StoreError::Repeated) => Ended::Repeated,
            Err(StoreError::Taken { .. }) => Ended::Taken,
            Err(StoreError::QuotaExceeded { .. }) => Ended::QuotaExceeded,
            Err(error) => panic!("{error}"),
        }
    }

    async fn standing(&mut self) -> Standing {
        let feed = feed::page(self.store, self.tenant, 0, 10_000)
            .await
            .expect("read");
        let mut work = Work::new(self.store, &self.contexts[0]);
        let members = work.members(SCOPE, "set").await.expect("read");
        let mut owners = Vec::new();
        for key in 0..KEYS {
            let owner = work.claimed_by(SCOPE, &key.to_string()).await.expect("read");
            owners.push(owner.as_deref().map(uuid));
        }
        let mut tx = self
            .store
            .db()
            .tenant_tx(self.tenant)
            .await
            .expect("a transaction");
        let usage = quota::usage(&mut tx).await.expect("read");
        tx.commit().await.expect("committed");
        let used = usage.iter().find(|usage| usage.resource == RESOURCE);
        let used = used.map_or(0, |usage| usage.used);
        Standing {
            feed: feed
                .iter()
                .map(|event| (event.tenant_seq, uuid(&event.aggregate_id), event.sequence))
                .collect(),
            members: members.iter().map(|member| uuid(member)).collect(),
            owners,
            used,
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Open { slot: usize, command: u8 },
    Write { slot: usize, stream: u8 },
    Read { slot: usize, stream: u8 },
    Claim { slot: usize, key: u8, owner: u8 },
    Release { slot: usize, key: u8 },
    Quota { slot: usize, delta: i64 },
    Add { slot: usize, member: u8, sort: u8 },
    Remove { slot: usize, member: u8 },
    Commit { slot: usize },
}

const COMMANDS: u8 = 8;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let slot = || 0..SLOTS;
    let step = prop_oneof![
        2 => (slot(), 0..COMMANDS).prop_map(|(slot, command)| Step::Open { slot, command }),
        5 => (slot(), 0..STREAMS).prop_map(|(slot, stream)| Step::Write { slot, stream }),
        2 => (slot(), 0..STREAMS).prop_map(|(slot, stream)| Step::Read { slot, stream }),
        1 => (slot(), 0..KEYS, 0..2_u8).prop_map(|(slot, key, owner)| Step::Claim { slot, key, owner }),
        1 => (slot(), 0..KEYS).prop_map(|(slot, key)| Step::Release { slot, key }),
        2 => (slot(), -1..3_i64).prop_map(|(slot, delta)| Step::Quota { slot, delta }),
        1 => (slot(), 0..3_u8, 0..3_u8).prop_map(|(slot, member, sort)| Step::Add { slot, member, sort }),
        1 => (slot(), 0..3_u8).prop_map(|(slot, member)| Step::Remove { slot, member }),
        4 => slot().prop_map(|slot| Step::Commit { slot }),
    ];
    prop::collection::vec(step, 1..40)
}

/// Drives one side, checking what must hold of any.
async fn drive(works: &mut impl Works, steps: &[Step]) -> (Vec<Ended>, Standing) {
    let mut ends = Vec::new();
    let mut effects = 0;
    for (slot, command) in (0..SLOTS).zip(0..COMMANDS) {
        works.open(slot, command).await;
    }
    let mut fresh = 0_u8;
    for step in steps {
        match *step {
            Step::Open { slot, command } => works.open(slot, command).await,
            Step::Write { slot, stream } => works.write(slot, stream).await,
            Step::Read { slot, stream } => works.read(slot, stream).await,
            Step::Claim { slot, key, owner } => works.claim(slot, key, owner),
            Step::Release { slot, key } => works.release(slot, key),
            Step::Quota { slot, delta } => works.quota(slot, delta),
            Step::Add { slot, member, sort } => works.add(slot, member, sort),
            Step::Remove { slot, member } => works.remove(slot, member),
            Step::Commit { slot } => {
                let ended = works.commit(slot).await;
                effects += usize::from(ended == Ended::Appended);
                ends.push(ended);
                fresh = (fresh + 1) % COMMANDS;
                works.open(slot, fresh).await;
            }
        }
    }
    let standing = works.standing().await;
    assert!(standing.used <= MAX_USED, "a limit was passed");
    assert!(effects <= usize::from(COMMANDS), "a command id had two effects");
    let positions = standing.feed.iter().map(|(seq, ..)| *seq);
    assert!(
        positions.eq(1..=standing.feed.len().try_into().expect("few")),
        "a gap"
    );
    (ends, standing)
}

pub(crate) fn context(tenant: TenantId, number: u8) -> Context {
    Context {
        tenant,
        actor: Actor::System("law"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(id(number)),
        cause: None,
        command_id: command(number),
        effective_at: None,
        dry_run: false,
        expected_version: None,
    }
}

/// Uses most of a limit on both sides.
async fn begin_with_usage(model: &mut Model, store: &EventStore) {
    let tenant = model.tenant;
    let first = context(tenant, COMMANDS);
    let mut work = Work::new(store, &first);
    work.quota(RESOURCE, USED);
    work.commit("law", &[0; 32], &json!(null)).await.expect("used");
    let mut tx = store.db().tenant_tx(tenant).await.expect("a transaction");
    access::set_quota_max(&mut tx, RESOURCE, Some(MAX_USED))
        .await
        .expect("limited");
    tx.commit().await.expect("committed");
    model.open(0, COMMANDS).await;
    model.quota(0, USED);
    assert_eq!(model.commit(0).await, Ended::Appended);
    model.store.set_quota_max(tenant, RESOURCE, Some(MAX_USED));
}

// Property 75: parallel creates never pass a limit.
// Property 72: no event is skipped or seen twice: positions have no gap, whatever was refused.
#[test]
fn works_conflict_repeat_and_append_alike() {
    let court = Court::open();
    let test = court.wait(TestDb::create());
    let store = test.store();
    court.for_all(&steps(), async |steps| {
        let tenant = tenant();
        let mut model = Model {
            store: Store::new([tenant], None),
            tenant,
            slots: Default::default(),
        };
        begin_with_usage(&mut model, &store).await;
        let contexts: Vec<Context> = (0..COMMANDS).map(|number| context(tenant, number)).collect();
        let mut real = Real {
            store: &store,
            contexts: &contexts,
            tenant,
            slots: [const { None }; SLOTS],
        };
        let (said, was) = (drive(&mut model, &steps).await, drive(&mut real, &steps).await);
        assert_eq!(said, was, "model and PostgreSQL differ");
    });
}
