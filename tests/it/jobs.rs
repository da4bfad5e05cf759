//! A job whose server is killed between any two steps: each of its lines is told once, and the job ends.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::{Value, json};
use simpul::demo::seed::Hand;
use simpul_app::{
    Personal,
    catalog::DefinePlan,
    customers::RegisterCustomer,
    subscriptions::{Change, ChangeSubscription, OpenSubscription},
};
use simpul_domain::{Rupiah, SubscriptionId, network::PppProfile, subscriptions::PppUsername};
use simpul_event_store::{Actor, crash::Point};

use crate::world::{Way, World};

/// Where the server dies, one after the other. What a command passes is passed by the job's items and by the lines' way to
/// the router.
pub(crate) const POINTS: &[Point] = &[
    Point::JobItemDone,
    Point::TimerLeased,
    Point::CommandDecided,
    Point::JobItemDone,
    Point::CommandCommitted,
    Point::JobItemDone,
];
const LINES: usize = 12;
const SUSPENDED: &str = "subscriptions.subscription.suspended";

async fn open_lines(world: &World) -> Vec<SubscriptionId> {
    let operator = &world.operator;
    let hand = Hand {
        bus: &world.bus,
        tenant: operator.tenant,
        actor: Actor::User(operator.owner),
    };
    let plan = DefinePlan {
        name: "Paket 10 Mbps rumah".to_owned(),
        download_kbps: 10_000,
        upload_kbps: 5_000,
        price: Rupiah::try_new(100_000).expect("a price"),
        profile: PppProfile::parse("paket-10m").expect("a profile"),
    };
    let plan = hand.ask(plan).await.expect("a plan");
    let mut lines = Vec::new();
    for number in 0..LINES {
        let customer = RegisterCustomer {
            code: None,
            name: Personal::new("Siti Aminah"),
            phone: Personal::new("0812-3456-7890"),
            email: None,
        };
        let open = OpenSubscription {
            customer: hand.ask(customer).await.expect("a customer"),
            plan,
            router: operator.router,
            username: PppUsername::parse(&format!("siti{number}@wifimaju")).expect("a name"),
            secret: Personal::new("kata-sandi-siti"),
            due_day: None,
            installed_on: NaiveDate::from_ymd_opt(2026, 1, 10).expect("a date"),
        };
        let subscription = hand.ask(open).await.expect("a line");
        let change = Change::Activate;
        let activate = ChangeSubscription { subscription, change };
        hand.ask(activate).await.expect("an active line");
        lines.push(subscription);
    }
    lines
}

async fn job(world: &World, id: &Value) -> Value {
    let query = "query($id: ID!) { job(id: $id) { state itemCount doneCount failedCount } }";
    let mut answer = world.ask(query, json!({ "id": id })).await;
    answer["data"]["job"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_in_the_middle_of_a_job_suspends_each_line_once() {
    let world = World::start(Way::Store).await;
    let lines = open_lines(&world).await;
    world.kill();
    world.spawn_to_die(POINTS.iter().copied());
    let query = "mutation Suspend($input: SubscriptionsSuspendInput!) {
        subscriptionsSuspend(input: $input) { job { id } userErrors { code message } } }";
    let ids: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let input = json!({ "ids": ids, "reason": "pindah rumah", "idempotencyKey": "the-only-one" });
    let answer = world.ask(query, json!({ "input": input })).await;
    let payload = &answer["data"]["subscriptionsSuspend"];
    assert_eq!(payload["userErrors"], json!([]), "{answer}");
    let id = payload["job"]["id"].clone();

    world
        .until("the job is over", async || {
            job(&world, &id).await["state"] != "RUNNING"
        })
        .await;
    let over = json!({ "state": "FINISHED", "itemCount": LINES, "doneCount": LINES, "failedCount": 0 });
    assert_eq!(job(&world, &id).await, over);
    let log = world.log().await;
    let suspended: Vec<String> = log
        .iter()
        .filter(|event| event.event_type == SUSPENDED)
        .map(|event| event.aggregate_id.clone())
        .collect();
    assert_eq!(suspended.len(), LINES, "{suspended:?}");
    let wanted: BTreeSet<String> = ids.into_iter().collect();
    assert_eq!(suspended.into_iter().collect::<BTreeSet<_>>(), wanted);
    let started = log
        .iter()
        .filter(|event| event.event_type == "operations.job.started");
    assert_eq!(started.count(), 1, "a repeated request starts no second job");

    let disabled = || {
        let secrets = world.around.router.router.rows("/ppp/secret");
        let off = secrets.iter().filter(|row| {
            let name = row.get("name").map_or("", String::as_str);
            name.starts_with("siti") && row.get("disabled").is_some_and(|off| off == "true")
        });
        off.count()
    };
    world
        .until("the router has heard of all of them", async || {
            disabled() == LINES
        })
        .await;
    assert_eq!(world.died_at(), POINTS, "the server has died where it was to");
}
