//! A poison event parks its key and nothing else; a ledger stands still instead.

use simpul_domain::subscriptions::{
    SubscriptionEvent, SubscriptionStatus,
    subscription::{SubscriptionActivated, SubscriptionSuspended},
};
use simpul_event_store::{
    EventStore, Upcasters,
    feed::{RunnerSettings, parked, projection, read_at},
    store::{Shape, Upcaster},
};
use simpul_projections::{registry, subscriptions::subscription_list};
use simpul_testkit::TestDb;
use tokio_util::sync::CancellationToken;

use crate::story::{Story, at, eventually};

/// Makes one kind of event unreadable.
#[derive(Debug)]
struct Poison(&'static str);

impl Upcaster for Poison {
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
        event_type == self.0 && event_version == "1"
    }

    fn upcast(&self, shape: Shape) -> Vec<Shape> {
        vec![Shape {
            event_version: "from a later version".to_owned(),
            ..shape
        }]
    }
}

fn poisoned(test: &TestDb, event_type: &'static str) -> EventStore {
    test.another_store(Upcasters::new(vec![Box::new(Poison(event_type))]))
}

fn activated(story: &Story, index: u8) -> (String, simpul_domain::AnyEvent) {
    let event = SubscriptionActivated {
        subscription: story.subscription(index),
        at: at(1),
    };
    story.subscribed(index, SubscriptionEvent::Activated(event))
}

async fn run_until(store: &EventStore, name: &str, done: impl AsyncFn() -> bool) {
    let stop = CancellationToken::new();
    let running = registry::run(store.clone(), name, 1, RunnerSettings::default(), stop.clone());
    let waiting = async {
        eventually("the runner has done its part", || done()).await;
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(running, waiting);
    ran.expect("a known projection");
}

async fn statuses(story: &Story) -> Vec<SubscriptionStatus> {
    let mut tx = read_at(&story.store, story.tenant, &["subscriptions"], None)
        .await
        .expect("read");
    let ids = [story.subscription(1), story.subscription(2)];
    let mut rows = subscription_list::by_ids(&mut tx, &ids).await.expect("rows");
    rows.sort_by_key(|row| row.subscription);
    rows.into_iter().map(|row| row.status).collect()
}

#[tokio::test]
async fn a_poison_event_parks_its_line_and_the_others_go_on() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    story.tell(None, vec![story.opened(1), story.opened(2)]).await;
    let suspended = SubscriptionSuspended {
        subscription: story.subscription(1),
        reason: "abuse".to_owned(),
        at: at(1),
    };
    story
        .tell(
            None,
            vec![story.subscribed(1, SubscriptionEvent::Suspended(suspended))],
        )
        .await;
    story.tell(None, vec![activated(&story, 2)]).await;
    story.tell(None, vec![activated(&story, 1)]).await;

    let broken = poisoned(&test, "subscriptions.subscription.suspended");
    let subscriber = projection::subscriber("subscriptions", 1);
    run_until(&broken, "subscriptions", async || {
        projection::lag(broken.db(), &subscriber).await.expect("lag") == 0
    })
    .await;
    assert_eq!(
        statuses(&story).await,
        [SubscriptionStatus::Pending, SubscriptionStatus::Active]
    );
    let mut tx = test.store().db().tenant_tx(story.tenant).await.expect("tx");
    let listed = parked::list(&mut tx, 10).await.expect("parked");
    tx.commit().await.expect("read");
    let seqs: Vec<i64> = listed.iter().map(|parked| parked.tenant_seq).collect();
    assert_eq!(
        seqs,
        [3, 5],
        "the poison event and the later one of the same line"
    );
    assert!(listed[0].error.is_some() && listed[1].error.is_none());

    let key = story.subscription(1).to_string();
    let retried = registry::retry_parked(&test.store(), &subscriber, story.tenant, &key).await;
    assert_eq!(retried.expect("the healthy binary reads it"), 2);
    assert_eq!(
        statuses(&story).await,
        [SubscriptionStatus::Active, SubscriptionStatus::Active]
    );
}

#[tokio::test]
async fn a_ledger_stands_still_at_a_poison_event() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    story.tell(None, vec![story.issued(1, 150_000)]).await;
    let bystander = Story::new(test.store(), 2);
    bystander.tell(None, vec![bystander.registered(1)]).await;

    let broken = poisoned(&test, "billing.invoice.issued");
    let subscriber = projection::subscriber("invoices", 1);
    run_until(&broken, "invoices", async || {
        // The other tenant has passed; this one has not moved.
        projection::lag(broken.db(), &subscriber).await.expect("lag") == 1
    })
    .await;
    let mut tx = test.store().db().tenant_tx(story.tenant).await.expect("tx");
    assert_eq!(parked::list(&mut tx, 10).await.expect("parked"), []);
    assert_eq!(
        projection::position(&mut tx, "invoices", 1)
            .await
            .expect("position"),
        0
    );
    tx.commit().await.expect("read");

    let healthy = registry::catch_up(&test.store(), "invoices", RunnerSettings::default()).await;
    assert_eq!(healthy.expect("a healthy binary goes on"), 1);
}
