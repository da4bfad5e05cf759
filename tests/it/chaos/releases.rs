//! A later release has written events that this one does not know, and was taken back.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use simpul_domain::{
    Code, Coded, CommandId, CorrelationId, Decider, Rupiah, ServicePlanId, aggregate,
    catalog::service_plan::PlanTerms, network::PppProfile, stored_events,
};
use simpul_event_store::{
    Actor, Context, EventStore, Upcasters, Work,
    feed::{RunnerSettings, parked, parked::Parked, projection, read_at},
    store::{Shape, Upcaster},
};
use simpul_projections::{
    catalog::plan_list::{self, PlanRow},
    registry,
};

use super::{
    Trial,
    crowd::{Crowd, Manners, without_limits},
    keep,
};
use crate::world::{Setting, Way, World};

const DEFINED: &str = "catalog.service_plan.defined";
const RENAMED: &str = "catalog.service_plan.renamed";

/// A plan as the later release writes it: a new version of one event, and an event that is new.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct LaterPlan;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum LaterEvent {
    #[serde(rename = "catalog.service_plan.defined")]
    Defined(LaterTerms),
    #[serde(rename = "catalog.service_plan.renamed")]
    Renamed(LaterName),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LaterTerms {
    terms: PlanTerms,
    since: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LaterName {
    name: String,
}

stored_events!(LaterEvent {
    Defined => "catalog.service_plan.defined", "2";
    Renamed => "catalog.service_plan.renamed", "1";
});

#[derive(Debug, thiserror::Error)]
#[error("never")]
struct Never;

impl Coded for Never {
    fn code(&self) -> Code {
        Code::InternalError
    }
}

impl Decider for LaterPlan {
    const TYPE: &'static str = "catalog.service_plan";
    const STATE_VERSION: i32 = 2;
    type Command = Vec<LaterEvent>;
    type Event = LaterEvent;
    type Error = Never;

    fn decide(&self, command: Vec<LaterEvent>) -> Result<Vec<LaterEvent>, Never> {
        Ok(command)
    }

    fn evolve(&mut self, _event: &LaterEvent) {}
}

aggregate!(LaterPlan);

/// How the later release reads what it has written, in the words of this one.
#[derive(Debug)]
struct Later;

impl Upcaster for Later {
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
        matches!((event_type, event_version), (DEFINED, "2") | (RENAMED, "1"))
    }

    fn upcast(&self, mut shape: Shape) -> Vec<Shape> {
        if shape.event_type == RENAMED {
            return Vec::new();
        }
        let mut content = shape.payload[DEFINED]["terms"].take();
        content["at"] = shape.payload[DEFINED]["since"].take();
        vec![Shape {
            event_version: "1".to_owned(),
            payload: json!({ DEFINED: content }),
            ..shape
        }]
    }
}

/// The later release defines a plan and renames it.
async fn writes(later: &EventStore, world: &World) -> ServicePlanId {
    let plan = ServicePlanId::new(later.ids().next());
    let command_id = CommandId::new(later.ids().next());
    let context = Context {
        tenant: world.operator.tenant,
        actor: Actor::System("later"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(command_id.as_uuid()),
        cause: None,
        command_id,
        effective_at: None,
        dry_run: false,
        expected_version: None,
    };
    let terms = PlanTerms {
        plan,
        name: "Later".to_owned(),
        download_kbps: 20_000,
        upload_kbps: 20_000,
        price: Rupiah::try_new(200_000).expect("an amount"),
        profile: PppProfile::parse("paket-20m").expect("a profile"),
    };
    let events = vec![
        LaterEvent::Defined(LaterTerms {
            terms,
            since: "2026-11-26T00:00:00Z".to_owned(),
        }),
        LaterEvent::Renamed(LaterName {
            name: "Latest".to_owned(),
        }),
    ];
    let mut work = Work::new(later, &context);
    work.begin::<LaterPlan>(&plan.to_string());
    work.decide::<LaterPlan>(&plan.to_string(), events)
        .await
        .expect("decided");
    work.commit("later.define", b"later", &Value::Null)
        .await
        .expect("written");
    plan
}

async fn parked(world: &World) -> Vec<Parked> {
    let mut tx = world
        .bus
        .store()
        .db()
        .tenant_tx(world.operator.tenant)
        .await
        .expect("a transaction");
    let listed = parked::list(&mut tx, 10).await.expect("parked");
    tx.commit().await.expect("read");
    listed
}

async fn row(store: &EventStore, world: &World, plan: ServicePlanId) -> Option<PlanRow> {
    let mut tx = read_at(store, world.operator.tenant, &["plans"], None)
        .await
        .expect("read");
    let rows = plan_list::by_ids(&mut tx, &[plan]).await.expect("rows");
    rows.into_iter().next()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_release_that_was_taken_back_wait_for_it_and_hold_up_nothing_else() {
    let trial = Trial::of(
        "rollback",
        "events_of_a_release_that_was_taken_back_wait_for_it_and_hold_up_nothing_else",
    );
    let world = World::begin(Setting {
        environment: without_limits(),
        ..Setting::from(Way::Store)
    })
    .await;
    world.confirmed("full", 1).await;
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "L", Manners::patient(4));
    crowd.succeeds(&world, 20).await;
    let (pid, later) = (
        world.pid(),
        world.db.another_store(Upcasters::new(vec![Box::new(Later)])),
    );
    let plan = writes(&later, &world).await;

    // The stream waits, with its reason; everything else goes on.
    let mut waits = Vec::new();
    world
        .until("both events wait", async || {
            waits = parked(&world).await;
            waits.len() == 2
        })
        .await;
    let subscriber = projection::subscriber("plans", 1);
    assert!(
        waits
            .iter()
            .all(|event| event.subscriber == subscriber && event.key == waits[0].key),
        "{waits:?}"
    );
    assert!(waits[0].error.is_some(), "{waits:?}");
    assert_eq!(row(&later, &world, plan).await, None);
    crowd.succeeds(&world, 40).await;

    // A decision about it is refused as a fault of ours, again and again, and nothing is decided without it.
    let open = "mutation Open($input: SubscriptionOpenInput!) { subscriptionOpen(input: $input) { userErrors { code } } }";
    let customers = world
        .ask("{ customers(first: 1) { nodes { id } } }", json!({}))
        .await;
    let input = json!({
        "customerId": customers["data"]["customers"]["nodes"][0]["id"], "planId": plan.to_string(),
        "routerId": world.operator.router.to_string(), "installedOn": "2026-11-26", "username": "later", "secret": "rahasia",
    });
    for _ in 0..3 {
        let (status, body) = world.ask_once(open, &json!({ "input": input })).await;
        assert_eq!(
            (status, &body["errors"][0]["extensions"]["code"]),
            (500, &json!("INTERNAL_ERROR")),
            "{body}"
        );
    }
    // A server that starts on such a log serves all the same.
    world.kill();
    world.spawn(None);
    crowd.succeeds(&world, 40).await;
    assert_ne!(world.pid(), pid);
    assert_eq!(parked(&world).await, waits, "they wait as before");

    // The later release is back: what waits is caught up with in its order, and a rebuild says the same.
    let key = &waits[0].key;
    let retried = registry::retry_parked(&later, &subscriber, world.operator.tenant, key).await;
    assert_eq!(retried.expect("it can be read"), 2);
    assert_eq!(parked(&world).await, []);
    let caught_up = row(&later, &world, plan).await.expect("a row");
    assert_eq!(caught_up.terms.name, "Later");
    let owner = world.db.owner_url.clone().into();
    registry::rebuild(&owner, &later, "plans", RunnerSettings::default(), |_| {})
        .await
        .expect("rebuilt");
    assert_eq!(row(&later, &world, plan).await, Some(caught_up));
    let history = crowd.disperse().await;
    let verdict = world.verdict_of_log(world.operator.tenant, &history, 100).await;
    keep(&trial.outcome(verdict, 2));
}
