//! What the platform is told of queues and routers: numbers over all tenants.

use serde_json::json;
use simpul_domain::{EventId, TenantId};
use simpul_event_store::{
    EventStore,
    inline::{
        backlog::{self, Targets},
        dead_letter::{self, DeadLetter},
        lane::{self, Leased, Wish},
    },
};
use simpul_testkit::TestDb;
use uuid::Uuid;

use crate::{
    counter::tenant,
    leases::{LEASE, ONE},
};

const KIND: &str = "provisioning";

async fn wish(store: &EventStore, tenant: TenantId, subject: &str, target: &str) {
    let wish = Wish {
        kind: KIND.to_owned(),
        subject: subject.to_owned(),
        target: target.to_owned(),
        wanted: 1,
        due_at: store.now(),
        origin: None,
    };
    let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
    lane::wish(&mut tx, &wish).await.expect("wished");
    tx.commit().await.expect("commit");
}

async fn lease(store: &EventStore, tenant: TenantId) -> Leased {
    let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
    let mut leased = lane::lease(&mut tx, KIND, &store.taker(), LEASE, ONE)
        .await
        .expect("leased");
    tx.commit().await.expect("commit");
    leased.pop().expect("one is due")
}

async fn fail(store: &EventStore, lane: &Leased, lasting: bool) {
    let mut tx = store.db().tenant_tx(lane.tenant).await.expect("tx");
    lane::retry(&mut tx, lane, store.now(), lasting, "Offline")
        .await
        .expect("put back");
    tx.commit().await.expect("commit");
}

async fn targets(store: &EventStore) -> (i64, i64) {
    let mut tx = store.db().system_tx().await.expect("tx");
    let Targets { online, offline } = backlog::targets(&mut tx, KIND).await.expect("numbers");
    tx.commit().await.expect("commit");
    (online, offline)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_is_offline_while_something_waits_to_be_tried_again() {
    let test = TestDb::create().await;
    let store = test.store();
    assert_eq!(targets(&store).await, (0, 0));
    wish(&store, tenant(1), "sub_1", "rtr_1").await;
    wish(&store, tenant(2), "sub_1", "rtr_1").await;
    assert_eq!(targets(&store).await, (2, 0), "nothing speaks against either");
    let held = lease(&store, tenant(1)).await;
    assert_eq!(targets(&store).await, (2, 0), "the first try is under way");
    fail(&store, &held, false).await;
    assert_eq!(targets(&store).await, (1, 1));
    let held = lease(&store, tenant(1)).await;
    assert_eq!(targets(&store).await, (1, 1), "still, while it is tried again");
    let mut tx = store.db().tenant_tx(tenant(1)).await.expect("tx");
    lane::confirm(&mut tx, &held, 1).await.expect("confirmed");
    tx.commit().await.expect("commit");
    assert_eq!(targets(&store).await, (2, 0));
    let held = lease(&store, tenant(2)).await;
    fail(&store, &held, true).await;
    assert_eq!(
        targets(&store).await,
        (2, 0),
        "a wrong password says that it answers"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_every_tenant_are_counted() {
    let test = TestDb::create().await;
    let store = test.store();
    for number in 1..=3 {
        let letter = DeadLetter {
            consumer: KIND.to_owned(),
            message: EventId::new(Uuid::from_u128(number)),
            envelope: json!({}),
            reason: "why".to_owned(),
            died_at: store.now(),
        };
        let mut tx = store.db().tenant_tx(tenant(number)).await.expect("tx");
        dead_letter::put(&mut tx, &letter).await.expect("put");
        tx.commit().await.expect("commit");
    }
    let mut tx = store.db().system_tx().await.expect("tx");
    let queues = backlog::queues(&mut tx, store.now()).await.expect("numbers");
    let counted = queues.iter().find(|queue| queue.queue == "deadLetters");
    assert_eq!(counted.map(|queue| (queue.waiting, queue.failed)), Some((0, 3)));
}
