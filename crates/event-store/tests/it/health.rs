//! What the platform is told of each tenant: its own numbers, the same in sum as those of all, and few rows read for them.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use simpul_domain::{EventId, TenantId, TimerId};
use simpul_event_store::{
    EventStore, Recorded,
    feed::{HandlerError, Reactor, Runner, RunnerSettings},
    inline::{
        backlog::{self, Targets},
        dead_letter::{self, DeadLetter},
        health::{self, Follower, Health, QueueName},
        lane::{self, Wish},
        outbox::{self, Ending, Parcel},
        timer::{self, Timer},
    },
};
use simpul_testkit::{TestDb, sql::Session};
use uuid::Uuid;

use crate::{
    counter::{add, dispatch, ready, tenant},
    leases::{CHANNEL, LEASE, ONE},
};

const KIND: &str = "provisioning";
const MINUTE: TimeDelta = TimeDelta::minutes(1);

async fn put_timer(store: &EventStore, tenant: TenantId, number: u128, due_at: DateTime<Utc>) {
    let timer = Timer {
        id: TimerId::new(Uuid::from_u128(number)),
        kind: "test".to_owned(),
        subject: "s".to_owned(),
        due_at,
        origin: None,
    };
    let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
    timer::schedule(&mut tx, &timer).await.expect("put");
    tx.commit().await.expect("commit");
}

async fn put_parcels(store: &EventStore, tenant: TenantId, numbers: std::ops::Range<u128>) {
    let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
    for number in numbers {
        let parcel = Parcel {
            id: Uuid::from_u128(number),
            channel: CHANNEL.to_owned(),
            body: json!({}),
            due_at: store.now(),
            origin: None,
        };
        outbox::put(&mut tx, &parcel).await.expect("put");
    }
    tx.commit().await.expect("commit");
}

/// Ends whatever is due.
async fn end_parcels(store: &EventStore, tenant: TenantId, ending: &Ending) {
    let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
    let leased = outbox::lease(&mut tx, CHANNEL, &store.taker(), LEASE, 1_000)
        .await
        .expect("leased");
    for parcel in leased {
        outbox::end(&mut tx, &parcel, ending).await.expect("ended");
    }
    tx.commit().await.expect("commit");
}

/// A line whose router does not answer, or says that it will never do what is wanted.
async fn fail_lane(store: &EventStore, tenant: TenantId, target: &str, lasting: bool) {
    let wish = Wish {
        kind: KIND.to_owned(),
        subject: target.to_owned(),
        target: target.to_owned(),
        wanted: 1,
        due_at: store.now(),
        origin: None,
    };
    let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
    lane::wish(&mut tx, &wish).await.expect("wished");
    let leased = lane::lease(&mut tx, KIND, &store.taker(), LEASE, ONE)
        .await
        .expect("leased")
        .pop()
        .expect("one is due");
    let again = store.now() + TimeDelta::days(1);
    lane::retry(&mut tx, &leased, again, lasting, "why")
        .await
        .expect("put back");
    tx.commit().await.expect("commit");
}

async fn put_dead_letter(store: &EventStore, tenant: TenantId) {
    let letter = DeadLetter {
        consumer: KIND.to_owned(),
        message: EventId::new(Uuid::from_u128(1)),
        envelope: json!({}),
        reason: "why".to_owned(),
        died_at: store.now(),
    };
    let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
    dead_letter::put(&mut tx, &letter).await.expect("put");
    tx.commit().await.expect("commit");
}

async fn look(store: &EventStore, tenants: &[TenantId]) -> Vec<Health> {
    health::of(store, tenants, KIND).await.expect("numbers")
}

fn counts(health: &Health) -> [(i64, i64, i64); 5] {
    [
        QueueName::Timers,
        QueueName::Outbox,
        QueueName::Lanes,
        QueueName::Notices,
        QueueName::DeadLetters,
    ]
    .map(|name| {
        let mut queues = health.queues.iter().filter(|queue| queue.name == name);
        let (Some(queue), None) = (queues.next(), queues.next()) else {
            panic!("one queue of each name: {health:?}");
        };
        (queue.waiting, queue.overdue, queue.failed)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tenant_has_its_own_numbers_and_together_they_are_those_of_all() {
    let test = TestDb::create().await;
    let store = test.store();
    let (busy, other, unknown) = (tenant(1), tenant(2), tenant(3));
    put_timer(&store, busy, 1, store.now() - MINUTE * 7).await;
    put_timer(&store, busy, 2, store.now() - MINUTE).await;
    put_timer(&store, busy, 3, store.now() + MINUTE).await;
    put_timer(&store, other, 1, store.now() + MINUTE).await;
    let failed = Ending::Failed {
        error: "why".to_owned(),
    };
    put_parcels(&store, busy, 0..2).await;
    end_parcels(&store, busy, &Ending::Done).await;
    put_parcels(&store, busy, 2..5).await;
    end_parcels(&store, busy, &failed).await;
    put_parcels(&store, busy, 5..6).await;
    fail_lane(&store, busy, "rtr_1", false).await;
    fail_lane(&store, busy, "rtr_2", true).await;
    fail_lane(&store, other, "rtr_1", false).await;
    put_dead_letter(&store, busy).await;

    // Whoever asks for the same twice is answered twice.
    let all = look(&store, &[busy, other, unknown, busy]).await;
    let [first, second, third, again] = all.as_slice() else {
        panic!("as many as were asked for: {all:?}");
    };
    assert_eq!(first, again);
    assert_eq!(
        [first.tenant, second.tenant, third.tenant],
        [busy, other, unknown]
    );
    assert_eq!(
        counts(first),
        [(3, 2, 0), (1, 0, 3), (1, 0, 1), (0, 0, 0), (0, 0, 1)]
    );
    assert_eq!(
        counts(second),
        [(1, 0, 0), (0, 0, 0), (1, 0, 0), (0, 0, 0), (0, 0, 0)]
    );
    assert_eq!(counts(third), [(0, 0, 0); 5]);
    let since = first.queues.iter().filter_map(|queue| queue.overdue_since);
    assert_eq!(since.collect::<Vec<_>>(), [store.now() - MINUTE * 7]);
    let routers = |health: &Health| (health.targets.online, health.targets.offline);
    assert_eq!(
        (routers(first), routers(second), routers(third)),
        ((1, 1), (0, 1), (0, 0))
    );
    assert_eq!(third.followers, []);

    let mut tx = store.db().system_tx().await.expect("tx");
    let queues = backlog::queues(&mut tx, store.now()).await.expect("numbers");
    let Targets { online, offline } = backlog::targets(&mut tx, KIND).await.expect("numbers");
    tx.commit().await.expect("commit");
    let of_all = queues
        .iter()
        .map(|queue| (queue.waiting, queue.overdue, queue.failed));
    let sums = counts(first).into_iter().zip(counts(second));
    let sums = sums.map(|(one, two)| (one.0 + two.0, one.1 + two.1, one.2 + two.2));
    assert!(sums.eq(of_all), "{queues:?}");
    assert_eq!((online, offline), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_long_ago_is_not_read_to_see_what_waits() {
    const SENT: u128 = 150;
    const LOOKS: i64 = 40;
    let test = TestDb::create().await;
    let store = test.store();
    let tenant = tenant(1);
    // Without statistics, and with an empty table: a plan that is made now stays.
    look(&store, &[tenant]).await;
    put_parcels(&store, tenant, 0..SENT).await;
    end_parcels(&store, tenant, &Ending::Done).await;
    put_parcels(&store, tenant, SENT..SENT + 2).await;
    for _ in 0..LOOKS {
        let seen = look(&store, &[tenant]).await;
        assert_eq!(counts(&seen[0])[1], (2, 0, 0));
    }
    store.db().close().await;
    let read = Session::open(&test.superuser_url())
        .await
        .rows_read("es.outbox")
        .await;
    let sent = i64::try_from(SENT).expect("few");
    assert!(read >= sent, "nothing was told: {read}");
    // Each was leased and ended, and no look has read it again.
    assert!(read < 10 * sent, "{read} parcels were read");
}

/// Handles everything.
struct Willing;

impl Reactor for Willing {
    fn name(&self) -> &'static str {
        "willing"
    }

    async fn react(&self, _: &[Recorded]) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// Lag, since when, and parked events of a reader.
fn told(health: &Health, name: &str) -> Option<(i64, Option<DateTime<Utc>>, i64)> {
    let mut followers = health.followers.iter();
    let follower = followers.find(|follower| follower.reader.subscriber == name)?;
    let Follower { reader, behind_since } = follower;
    Some((reader.lag, *behind_since, reader.parked))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_behind_since_the_first_event_that_it_does_not_know() {
    let (test, store, bus, tenant) = ready().await;
    let mut willing = Runner::reactor(store.clone(), Willing, RunnerSettings::default());
    dispatch(&bus, tenant, [add("c", 1)]).await.expect("accepted");
    willing.catch_up(|_| {}).await.expect("caught up");
    let seen = look(&store, &[tenant]).await;
    assert_eq!(told(&seen[0], "willing"), Some((0, None, 0)));

    let begun = store.now();
    for _ in 0..3 {
        test.clock().advance(MINUTE);
        dispatch(&bus, tenant, [add("c", 1)]).await.expect("accepted");
    }
    let mut admin = Session::open(&test.superuser_url()).await;
    // One that could not handle two events, and versions of a read model: the one that is read, and two that nobody reads.
    for name in [
        "refusing",
        "projection/routers/v1",
        "projection/routers/v9",
        "projection/nothing/v1",
    ] {
        let led = format!("INSERT INTO es.subscribers VALUES ('{name}', 1)");
        admin.run(&led).await.expect("led");
    }
    let id = tenant.as_uuid();
    let reached = format!("INSERT INTO es.cursors VALUES ('refusing', '{id}', 4, 1, now())");
    admin.run(&reached).await.expect("a cursor");
    for seq in [1, 3] {
        let parked = format!("INSERT INTO es.parked VALUES ('{id}', 'refusing', {seq}, 'k', NULL, now())");
        admin.run(&parked).await.expect("parked");
    }
    let seen = look(&store, &[tenant]).await;
    assert_eq!(told(&seen[0], "willing"), Some((3, Some(begun + MINUTE), 0)));
    assert_eq!(told(&seen[0], "refusing"), Some((0, None, 2)));
    assert_eq!(told(&seen[0], "projection/routers/v1"), Some((4, Some(begun), 0)));
    assert_eq!(told(&seen[0], "projection/routers/v9"), None);
    assert_eq!(told(&seen[0], "projection/nothing/v1"), None);
}
