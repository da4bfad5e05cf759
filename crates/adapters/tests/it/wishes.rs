//! From subscription events to wishes on lanes, whatever the order in which the events arrive.

use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::json;
use simpul_adapters::{
    bus::{Direct, Envelope, consumer::take_in},
    provisioning::{LANE, Provisioning},
    work_loop::Wake,
};
use simpul_domain::{
    CommandId, CorrelationId, CustomerId, Decider as _, RouterId, Rupiah, Sealed, ServicePlanId,
    SubscriptionId,
    billing::DueDay,
    catalog::PlanTerms,
    network::PppProfile,
    subscriptions::{PppUsername, Subscription, SubscriptionCommand, subscription::OpenSubscription},
    time::Zone,
};
use simpul_event_store::{
    Actor, Context, EventStore, Recorded, Work,
    feed::{HandlerError, Reactor, Runner, RunnerSettings},
    inline::lane::{self, Status},
};
use simpul_testkit::TestDb;
use uuid::Uuid;

use crate::{rig::source, tally::tenant};

fn subscription() -> SubscriptionId {
    SubscriptionId::new(Uuid::from_u128(21))
}

async fn command(store: &EventStore, number: u128, command: SubscriptionCommand) {
    let context = Context {
        command_id: CommandId::new(Uuid::from_u128(number)),
        actor: Actor::System("test"),
        tenant: tenant(1),
        correlation: CorrelationId::new(Uuid::from_u128(number)),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        cause: None,
        effective_at: None,
        dry_run: false,
        expected_version: None,
    };
    let mut work = Work::new(store, &context);
    let id = subscription().to_string();
    work.decide::<Subscription>(&id, command)
        .await
        .expect("not refused");
    work.commit("test", &[0; 32], &json!(null))
        .await
        .expect("appended");
}

fn opened(store: &EventStore) -> SubscriptionCommand {
    SubscriptionCommand::Open(Box::new(OpenSubscription {
        subscription: subscription(),
        customer: CustomerId::new(Uuid::from_u128(22)),
        terms: PlanTerms {
            plan: ServicePlanId::new(Uuid::from_u128(23)),
            name: "10M".to_owned(),
            download_kbps: 10_000,
            upload_kbps: 10_000,
            price: Rupiah::try_new(150_000).expect("an amount"),
            profile: PppProfile::parse("10M").expect("a profile"),
        },
        router: RouterId::new(Uuid::from_u128(24)),
        username: PppUsername::parse("budi01").expect("a user name"),
        secret: Sealed::new("sealed".to_owned()),
        due_day: DueDay::try_new(10).expect("a day"),
        installed_on: NaiveDate::from_ymd_opt(2027, 1, 4).expect("a date"),
        zone: Zone::Jakarta,
        at: store.now(),
    }))
}

async fn status(store: &EventStore) -> Option<Status> {
    let mut tx = store.db().tenant_tx(tenant(1)).await.expect("a transaction");
    lane::status(&mut tx, LANE, &subscription().to_string())
        .await
        .expect("a status")
}

/// Keeps what it is given.
struct Keeping(Arc<std::sync::Mutex<Vec<Recorded>>>);

impl Reactor for Keeping {
    fn name(&self) -> &'static str {
        "keeping"
    }

    async fn react(&self, events: &[Recorded]) -> Result<(), HandlerError> {
        self.0.lock().expect("not poisoned").extend_from_slice(events);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_position_is_wished_for_in_any_order_of_events() {
    let test = TestDb::create().await;
    let store = test.store();
    command(&store, 1, opened(&store)).await;
    assert_eq!(Subscription::TYPE, "subscriptions.subscription");
    let consumer = Arc::new(Provisioning::new(store.clone(), Wake::default()));
    let direct = Direct::new(store.clone(), Arc::clone(&consumer), source());
    let mut runner = Runner::reactor(store.clone(), direct, RunnerSettings::default());
    runner.catch_up(|_| ()).await.expect("caught up");
    assert_eq!(
        status(&store).await,
        None,
        "nothing is wanted before the first activation"
    );

    let at = store.now();
    command(&store, 2, SubscriptionCommand::Activate { at }).await;
    let reason = "libur".to_owned();
    command(&store, 3, SubscriptionCommand::Suspend { reason, at }).await;
    command(&store, 4, SubscriptionCommand::Resume { at }).await;
    let kept = Arc::default();
    let mut keeping = Runner::reactor(
        store.clone(),
        Keeping(Arc::clone(&kept)),
        RunnerSettings::default(),
    );
    keeping.catch_up(|_| ()).await.expect("caught up");
    let events = kept.lock().expect("not poisoned").clone();
    for event in events.iter().rev().chain(&events) {
        let envelope = Envelope::of(event, &source());
        take_in(&store, consumer.as_ref(), &envelope)
            .await
            .expect("taken in");
    }
    let status = status(&store).await.expect("the lane exists");
    assert_eq!(
        (status.wanted, status.target),
        (4, RouterId::new(Uuid::from_u128(24)).to_string()),
        "the position of the last of four events"
    );
}
