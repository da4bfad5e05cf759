//! Whatever happens to whoever drives a job, each of its lines is told once.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::{Value, json};
use simpul_adapters::{
    intake::{Firing, Scheduler, TimerHandler},
    work_loop::{self, Wake},
};
use simpul_api::Settings;
use simpul_app::{
    jobs::{Jobs, Went},
    policies::timer_kind,
};
use simpul_domain::policy::TimerKind;
use simpul_event_store::{Bus, inline::timer::Fired};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Yard, drive};
use crate::{
    front::Front,
    live::{Client, listen, plenty},
};

const MANY: usize = 500;

/// Drives jobs as the scheduler of a process does.
struct Driver(Bus);

impl TimerHandler for Driver {
    async fn fire(&self, fired: &Fired) -> Firing {
        let Ok(TimerKind::GoOnWithJob { job }) = timer_kind(&fired.timer) else {
            return Firing::Postponed {
                error: "not ours".to_owned(),
            };
        };
        match Jobs::new(self.0.clone()).go_on(fired, job).await {
            Went::On => Firing::Again {
                at: self.0.store().now(),
            },
            Went::Over => Firing::Obsolete,
            Went::NotNow { error } => Firing::Postponed { error },
        }
    }
}

/// A process that fires timers until `stop`.
async fn schedule(bus: Bus, stop: CancellationToken) {
    let store = bus.store().clone();
    let scheduler = Arc::new(Scheduler::new(store.clone(), Driver(bus)));
    let settings = work_loop::Settings::default();
    work_loop::run(scheduler, store, settings, Wake::default(), stop).await;
}

/// The states of a job until it is over.
async fn watched(client: &mut Client) -> Vec<Value> {
    let mut states = Vec::new();
    loop {
        let state = client.event("jobState").await;
        let over = state["state"] != "RUNNING";
        states.push(state);
        if over {
            return states;
        }
    }
}

fn assert_goes_forward(states: &[Value]) {
    let numbers = |state: &Value| {
        let number = |field: &str| state[field].as_i64().expect("a number");
        (number("doneCount"), number("version"))
    };
    let numbers: Vec<(i64, i64)> = states.iter().map(numbers).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "{numbers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_lines_are_suspended_once_each_by_two_processes_one_of_which_is_killed() {
    let settings = Settings {
        limits: plenty(),
        ..Settings::default()
    };
    let yard = Yard::over(Front::with_settings(settings).await, MANY).await;
    let (front, ids) = (&yard.front, yard.ids());
    let before = yard.log().await.len();
    let answer = yard.suspend(front.owner, &ids, "abuse-1").await;
    assert_eq!(answer["userErrors"], json!([]), "{answer}");
    let job = &answer["job"];
    assert_eq!(job["kind"], "SUSPEND_SUBSCRIPTIONS");
    assert_eq!(
        (
            &job["state"],
            &job["reason"],
            &job["itemCount"],
            &job["doneCount"]
        ),
        (&json!("RUNNING"), &json!("abuse"), &json!(MANY), &json!(0))
    );
    let again = yard.suspend(front.owner, &ids, "abuse-1").await;
    assert_eq!(again["job"]["id"], job["id"], "the same key is the same job");
    let others = yard.suspend(front.owner, &ids[1..], "abuse-1").await;
    assert_eq!(others["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(yard.log().await.len(), before + 1, "one job was started");

    let mut client = Client::signed_in(front, listen(front).await, front.owner).await;
    let query =
        "subscription($id: ID!) { jobState(id: $id) { state doneCount failedCount version finishedAt } }";
    client.subscribe("1", query, json!({ "id": job["id"] })).await;
    let (stop, other) = (CancellationToken::new(), front.another_process());
    let mut killed = JoinSet::from_iter([schedule(other.bus.clone(), stop.clone())]);
    let survivor = async {
        // The other one has begun, and is killed in the middle of something.
        while yard.log().await.len() < before + 40 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        killed.abort_all();
        // Whoever is gone does not hold its timer for longer than its lease.
        front.test.clock().advance(chrono::TimeDelta::seconds(31));
        schedule(front.state.bus.clone(), stop.clone()).await;
    };
    let hears = async {
        let states = watched(&mut client).await;
        stop.cancel();
        states
    };
    let ((), states) = tokio::join!(survivor, hears);
    assert_goes_forward(&states);
    let last = states.last().expect("a state");
    assert_eq!(
        (&last["state"], &last["doneCount"]),
        (&json!("FINISHED"), &json!(MANY))
    );
    assert!(
        last["finishedAt"].is_string() && last["failedCount"] == 0,
        "{last}"
    );

    let suspensions = yard.suspensions().await;
    assert_eq!(
        suspensions.keys().cloned().collect::<BTreeSet<_>>(),
        ids.into_iter().collect()
    );
    assert!(suspensions.values().all(|count| *count == 1), "{suspensions:?}");
    let log = yard.log().await;
    let count = |name: &str| log.iter().filter(|event| event.event_type == name).count();
    assert_eq!(count("operations.job.item_carried_out"), MANY);
    assert_eq!(count("operations.job.finished"), 1);
    let suspended = log
        .iter()
        .filter(|event| event.event_type.ends_with(".suspended"));
    for event in suspended {
        assert_eq!(event.meta("actor"), Some(front.owner.user.to_string()));
        assert_eq!(event.meta("command").as_deref(), Some("subscription.change"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_that_drive_one_job_at_once_do_each_item_once() {
    let yard = Yard::with(30).await;
    let job = yard.started(yard.front.owner, &yard.ids()).await;
    let fired = yard.fired(job).await;
    let other = yard.front.another_process();
    tokio::join!(
        drive(&yard.front.state.bus, &fired, job),
        drive(&other.bus, &fired, job),
        drive(&other.bus, &fired, job),
    );
    let suspensions = yard.suspensions().await;
    assert_eq!(suspensions.len(), 30);
    assert!(suspensions.values().all(|count| *count == 1), "{suspensions:?}");
    let state = yard.job(job).await;
    assert_eq!(
        (&state["state"], &state["doneCount"]),
        (&json!("FINISHED"), &json!(30))
    );
    // A timer that fires once more finds nothing to do.
    let before = yard.log().await.len();
    assert_eq!(yard.jobs().go_on(&fired, job).await, Went::Over);
    assert_eq!(yard.log().await.len(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_have_their_turn_while_a_job_goes_on() {
    let yard = Yard::with(25).await;
    let job = yard.started(yard.front.owner, &yard.ids()).await;
    let fired = yard.fired(job).await;
    let jobs = yard.jobs().by(10);
    assert_eq!(jobs.go_on(&fired, job).await, Went::On);
    assert_eq!(yard.suspensions().await.len(), 10, "a portion, and not all of it");
    // Somebody changes a line whose turn has not come, and that is not undone.
    let last = yard.lines[24].to_string();
    let resume = json!({ "id": last, "reason": "on request", "idempotencyKey": "first" });
    let payload = yard.front.accepted(
        yard.front.owner,
        "subscriptionSuspend",
        "subscription { status }",
        resume,
    );
    assert_eq!(payload.await["subscription"]["status"], "SUSPENDED");
    assert_eq!(jobs.go_on(&fired, job).await, Went::On);
    assert_eq!(jobs.go_on(&fired, job).await, Went::Over);
    let state = yard.job(job).await;
    assert_eq!(
        (&state["state"], &state["doneCount"], &state["failedCount"]),
        (&json!("FINISHED"), &json!(25), &json!(0)),
        "what holds already is carried out, as by the single command"
    );
    assert_eq!(yard.suspensions().await[&last], 1);
}
