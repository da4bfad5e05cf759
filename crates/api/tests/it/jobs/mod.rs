//! Commands for many lines: each line is told once, whoever drives the job and however often it is stopped.

mod ends;
mod once;
mod pages;
mod refusals;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Value, json};
use simpul_api::auth::Viewer;
use simpul_app::{
    Personal,
    jobs::{Jobs, Went},
    policies::timer_kind,
    subscriptions::{Change, ChangeSubscription, OpenSubscription},
};
use simpul_domain::{
    JobId, SubscriptionId,
    policy::TimerKind,
    subscriptions::{PppUsername, Subscription, subscription::SubscriptionStatus},
};
use simpul_event_store::{
    Bus, ConsistencyToken, Recorded, feed,
    inline::timer::{self, Fired},
};

use crate::{front::Front, story};

/// Everything of a job but who started it.
const JOB: &str = "job { id kind state reason itemCount doneCount failedCount startedAt finishedAt version }";

/// The front door of an operator with lines.
struct Yard {
    front: Front,
    /// Active ones, in the order in which they were opened.
    lines: Vec<SubscriptionId>,
}

impl Yard {
    async fn with(lines: usize) -> Self {
        Self::over(Front::open().await, lines).await
    }

    async fn over(front: Front, lines: usize) -> Self {
        let mut yard = Self {
            front,
            lines: Vec::new(),
        };
        let first = story::line(&yard.front, yard.front.owner).await;
        yard.lines.push(parsed(&first.subscription));
        for nth in 1..lines {
            let line = yard.open(&first, nth).await;
            let change = Change::Activate;
            let activate = ChangeSubscription {
                subscription: line,
                change,
            };
            yard.front.carry_out(yard.front.owner.tenant, activate).await;
            yard.lines.push(line);
        }
        yard
    }

    /// One that is not active yet.
    async fn open(&self, like: &story::Line, nth: usize) -> SubscriptionId {
        let open = OpenSubscription {
            customer: parsed(&like.customer),
            plan: parsed(&like.plan),
            router: parsed(&like.router),
            username: PppUsername::parse(&format!("line{nth}")).expect("a name"),
            secret: Personal::new("s3cret"),
            due_day: None,
            installed_on: "2027-01-04".parse().expect("a date"),
        };
        self.front.carry_out(self.front.owner.tenant, open).await
    }

    fn ids(&self) -> Vec<String> {
        self.lines.iter().map(ToString::to_string).collect()
    }

    /// What a suspension of these lines answers.
    async fn suspend(&self, viewer: Viewer, ids: &[String], key: &str) -> Value {
        let input = json!({ "ids": ids, "reason": "abuse", "idempotencyKey": key });
        self.front
            .payload(viewer, "subscriptionsSuspend", JOB, input)
            .await
    }

    /// The job of a suspension that is accepted.
    async fn started(&self, viewer: Viewer, ids: &[String]) -> JobId {
        let answer = self.suspend(viewer, ids, "job").await;
        assert_eq!(answer["userErrors"], json!([]), "{answer}");
        parsed(&answer["job"]["id"])
    }

    async fn cancel(&self, viewer: Viewer, job: &str) -> Value {
        let input = json!({ "id": job });
        self.front.payload(viewer, "jobCancel", JOB, input).await
    }

    /// As it is now, with what it could not do.
    async fn job(&self, job: JobId) -> Value {
        let failures = "failures { nodes { subscriptionId code message subscription { id } } totalCount }";
        let query = format!(
            "query($id: ID!) {{ {} }}",
            JOB.replacen("job {", &format!("job(id: $id) {{ {failures} "), 1)
        );
        let (store, tenant) = (self.front.test.store(), self.front.owner.tenant);
        let seq = feed::head(&store, tenant).await.expect("a head");
        let token = ConsistencyToken { tenant, seq };
        let tx = feed::read_at(&store, tenant, &["jobs"], Some(token)).await;
        tx.expect("caught up").rollback().await.expect("read");
        let mut data = self
            .front
            .data(self.front.owner, &query, json!({ "id": job.to_string() }))
            .await;
        data["job"].take()
    }

    /// Leases the timer that drives the job, as a worker does.
    async fn fired(&self, job: JobId) -> Fired {
        let store = self.front.test.store();
        let mut tx = store.db().tenant_tx(self.front.owner.tenant).await.expect("tx");
        let leased = timer::lease(&mut tx, timer::QUEUE, &store.taker(), TimeDelta::seconds(30), 100).await;
        tx.commit().await.expect("commit");
        let mut leased = leased.expect("leased").into_iter();
        let wanted = TimerKind::GoOnWithJob { job };
        let fired = leased.find(|fired| timer_kind(&fired.timer).is_ok_and(|kind| kind == wanted));
        fired.expect("a timer drives the job")
    }

    fn jobs(&self) -> Jobs {
        Jobs::new(self.front.state.bus.clone())
    }

    /// Every event of the tenant.
    async fn log(&self) -> Vec<Recorded> {
        let log = feed::page(&self.front.test.store(), self.front.owner.tenant, 0, 100_000).await;
        log.expect("the log")
    }

    /// How often each line was suspended.
    async fn suspensions(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for event in self.log().await {
            if event.event_type == "subscriptions.subscription.suspended" {
                *counts.entry(event.aggregate_id).or_default() += 1;
            }
        }
        counts
    }

    async fn status(&self, line: SubscriptionId) -> SubscriptionStatus {
        let (store, id) = (self.front.test.store(), line.to_string());
        let loaded = store.load::<Subscription>(self.front.owner.tenant, &id);
        loaded.await.expect("loads").0.status()
    }
}

/// Goes on until the job is over.
async fn drive(bus: &Bus, fired: &Fired, job: JobId) {
    let jobs = Jobs::new(bus.clone());
    loop {
        match jobs.go_on(fired, job).await {
            Went::On => {}
            Went::Over => return,
            went @ Went::NotNow { .. } => assert_eq!(went, Went::Over),
        }
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(id: &Value) -> T {
    id.as_str().expect("a text").parse().expect("an id")
}

fn codes(failures: &Value) -> BTreeMap<String, String> {
    let nodes = failures["nodes"].as_array().expect("nodes").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    nodes
        .map(|failure| (text(&failure["subscriptionId"]), text(&failure["code"])))
        .collect()
}
