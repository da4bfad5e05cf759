//! What is wrong with a command for many, what its items are refused for, and what asking about it tells.

use serde_json::{Value, json};
use simpul_app::{
    jobs::Went,
    subscriptions::{Change, ChangeSubscription},
};

use super::{JOB, Yard, codes, drive};
use crate::story;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_wrong_with_an_input_is_told_at_once() {
    let yard = Yard::with(1).await;
    let line = yard.lines[0].to_string();
    let input = json!({ "ids": [line, "rubbish", line], "reason": " ", "idempotencyKey": "" });
    let answer = yard
        .front
        .payload(yard.front.owner, "subscriptionsSuspend", JOB, input)
        .await;
    assert_eq!(answer["job"], Value::Null);
    let errors = answer["userErrors"].as_array().expect("errors").iter();
    let told: Vec<Value> = errors
        .map(|error| json!([error["code"], error["path"]]))
        .collect();
    assert_eq!(
        told,
        [
            json!(["NOT_FOUND", ["input", "ids", "1"]]),
            json!(["VALIDATION_ERROR", ["input", "ids", "2"]]),
            json!(["VALIDATION_ERROR", ["input", "reason"]]),
            json!(["VALIDATION_ERROR", ["input", "idempotencyKey"]]),
        ]
    );
    for ids in [Vec::new(), vec![line; 501]] {
        let answer = yard.suspend(yard.front.owner, &ids, "many").await;
        let error = &answer["userErrors"][0];
        assert_eq!(error["path"], json!(["input", "ids"]), "{answer}");
        assert_eq!(error["params"]["rule"], "count");
    }
    let log = yard.log().await;
    assert!(
        log.iter()
            .all(|event| !event.event_type.starts_with("operations.job."))
    );
}

/// One of each: active, of another operator, of nobody, never activated, and suspended already.
async fn mixed(yard: &Yard) -> Vec<String> {
    let first = story::line(&yard.front, yard.front.neighbour().await).await;
    let theirs = first.subscription.as_str().expect("an id").to_owned();
    let like = story::Line {
        plan: yard.terms("plan { id }").await,
        customer: yard.terms("customer { id }").await,
        router: yard.terms("router { id }").await,
        subscription: Value::Null,
    };
    let pending = yard.open(&like, 99).await;
    let suspend = ChangeSubscription {
        subscription: yard.lines[1],
        change: Change::Suspend {
            reason: "before".to_owned(),
        },
    };
    yard.front.carry_out(yard.front.owner.tenant, suspend).await;
    vec![
        yard.lines[0].to_string(),
        theirs,
        "sub_7zzzzzzzzzzzzzzzzzzzzzzzzz".to_owned(),
        pending.to_string(),
        yard.lines[1].to_string(),
    ]
}

impl Yard {
    /// Of what the first line is.
    async fn terms(&self, field: &str) -> Value {
        let query = format!("query($id: ID!) {{ subscription(id: $id) {{ {field} }} }}");
        let id = json!({ "id": self.lines[0].to_string() });
        let mut data = self.front.data(self.front.owner, &query, id).await;
        let name = field.split(' ').next().expect("a word");
        data["subscription"][name]["id"].take()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_only_asks_is_told_what_the_job_will_refuse_and_nothing_is_written() {
    let yard = Yard::with(2).await;
    let ids = mixed(&yard).await;
    let before = yard.log().await.len();
    let entity = format!("{JOB} preview {{ subscriptionId code message subscription {{ id }} }}");
    let mut input = json!({ "ids": ids, "reason": "abuse", "dryRun": true, "idempotencyKey": "k" });
    let asked = yard
        .front
        .payload(yard.front.owner, "subscriptionsSuspend", &entity, input.clone())
        .await;
    assert_eq!(
        (&asked["job"], &asked["consistencyToken"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(asked["userErrors"], json!([]));
    assert_eq!(yard.log().await.len(), before, "nothing was written");
    let missing = |id: &str| {
        json!({ "subscriptionId": id, "code": "NOT_FOUND", "message": "The subscription does not exist",
                "subscription": null })
    };
    let pending = json!({
        "subscriptionId": ids[3], "code": "NOT_ALLOWED_IN_STATE",
        "message": "A subscription that is PENDING cannot suspend", "subscription": { "id": ids[3] },
    });
    let preview = json!([missing(&ids[1]), missing(&ids[2]), pending]);
    assert_eq!(asked["preview"], preview, "as whoever asks for one line is told");

    // The key was not used up.
    input["dryRun"] = json!(false);
    let started = yard
        .front
        .accepted(yard.front.owner, "subscriptionsSuspend", &entity, input.clone())
        .await;
    assert_eq!(started["preview"], Value::Null);
    let job = super::parsed(&started["job"]["id"]);
    let fired = yard.fired(job).await;
    drive(&yard.front.state.bus, &fired, job).await;
    let state = yard.job(job).await;
    assert_eq!(
        (&state["state"], &state["doneCount"], &state["failedCount"]),
        (&json!("FINISHED"), &json!(5), &json!(3))
    );
    assert_eq!(state["failures"]["totalCount"], 3);
    let mut failed = state["failures"]["nodes"].as_array().expect("nodes").clone();
    failed.sort_by_key(|failure| ids.iter().position(|id| failure["subscriptionId"] == **id));
    assert_eq!(json!(failed), preview);
    let suspensions = yard.suspensions().await;
    assert_eq!(suspensions.len(), 2, "those that can be: {suspensions:?}");
    assert!(suspensions.values().all(|count| *count == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_do_it_may_not_ask_about_it() {
    let yard = Yard::with(1).await;
    let reader = yard
        .front
        .colleague(&[simpul_app::permission::SUBSCRIPTION_READ])
        .await;
    for dry_run in [false, true] {
        let input = json!({ "ids": yard.ids(), "dryRun": dry_run, "idempotencyKey": "k" });
        let query = "mutation($input: SubscriptionsResumeInput!) { subscriptionsResume(input: $input) { job { id } } }";
        let (_, answer) = yard.front.ask(reader, query, json!({ "input": input })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_suspended_is_resumed_line_by_line() {
    let yard = Yard::with(3).await;
    let (front, owner) = (&yard.front, yard.front.owner);
    let job = yard.started(owner, &yard.ids()[..2]).await;
    let fired = yard.fired(job).await;
    drive(&front.state.bus, &fired, job).await;
    let input = json!({ "ids": yard.ids(), "idempotencyKey": "back" });
    let resumed = front.accepted(owner, "subscriptionsResume", JOB, input).await;
    assert_eq!(resumed["job"]["kind"], "RESUME_SUBSCRIPTIONS");
    assert_eq!(resumed["job"]["reason"], Value::Null);
    let job = super::parsed(&resumed["job"]["id"]);
    let fired = yard.fired(job).await;
    assert_eq!(yard.jobs().go_on(&fired, job).await, Went::Over);
    let state = yard.job(job).await;
    assert_eq!(
        (&state["state"], &state["doneCount"]),
        (&json!("FINISHED"), &json!(3))
    );
    assert!(
        codes(&state["failures"]).is_empty(),
        "an active line is what was wanted"
    );
    let log = yard.log().await;
    let resumed = log
        .iter()
        .filter(|event| event.event_type == "subscriptions.subscription.resumed");
    assert_eq!(resumed.count(), 2);
}
