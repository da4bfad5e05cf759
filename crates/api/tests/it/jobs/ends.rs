//! What ends a job before its last item, or its items: a person, and what its starter may do.

use serde_json::json;
use simpul_app::{
    jobs::{Bulk, Jobs, SuspendSubscriptions, Went},
    permission,
};
use simpul_domain::{JobId, subscriptions::subscription::SubscriptionStatus};
use simpul_event_store::{
    Actor, Context, Recorded,
    inline::{
        access::{self, TenantAccess},
        timer::Fired,
    },
};
use simpul_testkit::sql::Session;

use super::{Yard, codes, drive, parsed};
use crate::front::product;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_cancelled_job_what_was_not_begun_stays_as_it_is() {
    let yard = Yard::with(6).await;
    let owner = yard.front.owner;
    let job = yard.started(owner, &yard.ids()).await;
    let fired = yard.fired(job).await;
    assert_eq!(yard.jobs().by(2).go_on(&fired, job).await, Went::On);
    let reader = yard.front.colleague(&[permission::SUBSCRIPTION_READ]).await;
    let input = json!({ "input": { "id": job.to_string() } });
    let query = "mutation($input: JobCancelInput!) { jobCancel(input: $input) { userErrors { code } } }";
    let (_, refused) = yard.front.ask(reader, query, input).await;
    assert_eq!(
        refused["errors"][0]["extensions"]["code"], "FORBIDDEN",
        "{refused}"
    );

    let cancelled = yard.cancel(owner, &job.to_string()).await;
    assert_eq!(cancelled["userErrors"], json!([]), "{cancelled}");
    let state = &cancelled["job"];
    assert_eq!(
        (&state["state"], &state["doneCount"]),
        (&json!("CANCELLED"), &json!(2))
    );
    assert!(state["finishedAt"].is_string(), "{state}");
    assert_eq!(yard.jobs().go_on(&fired, job).await, Went::Over);
    assert_eq!(yard.suspensions().await.len(), 2);
    for (nth, line) in yard.lines.iter().enumerate() {
        let status = if nth < 2 {
            SubscriptionStatus::Suspended
        } else {
            SubscriptionStatus::Active
        };
        assert_eq!(yard.status(*line).await, status, "line {nth}");
    }
    let again = yard.cancel(owner, &job.to_string()).await;
    assert_eq!(again["userErrors"], json!([]), "it is what was wanted");
    assert_eq!(again["job"]["doneCount"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_finished_and_one_of_somebody_else_cannot_be_cancelled() {
    let yard = Yard::with(1).await;
    let job = yard.started(yard.front.owner, &yard.ids()).await;
    let fired = yard.fired(job).await;
    let neighbour = yard.front.neighbour().await;
    let theirs = yard.cancel(neighbour, &job.to_string()).await;
    let nobodys = yard.cancel(neighbour, "job_7zzzzzzzzzzzzzzzzzzzzzzzzz").await;
    assert_eq!(theirs, nobodys, "another operator's job is none");
    assert_eq!(theirs["userErrors"][0]["code"], "NOT_FOUND");
    drive(&yard.front.state.bus, &fired, job).await;
    let late = yard.cancel(yard.front.owner, &job.to_string()).await;
    assert_eq!(late["userErrors"][0]["code"], "NOT_ALLOWED_IN_STATE", "{late}");
    assert_eq!(late["userErrors"][0]["params"]["state"], "FINISHED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_loses_the_permission_has_nothing_more_done_in_their_name() {
    let yard = Yard::with(5).await;
    let clerk = yard
        .front
        .colleague(&[permission::SUBSCRIPTION_WRITE, permission::SUBSCRIPTION_READ])
        .await;
    let job = yard.started(clerk, &yard.ids()).await;
    let fired = yard.fired(job).await;
    assert_eq!(yard.jobs().by(2).go_on(&fired, job).await, Went::On);
    let store = yard.front.test.store();
    let mut tx = store.db().tenant_tx(clerk.tenant).await.expect("tx");
    let left = [permission::SUBSCRIPTION_READ.to_owned()];
    access::set_actor(&mut tx, clerk.user, &left, 2)
        .await
        .expect("demoted");
    tx.commit().await.expect("commit");
    drive(&yard.front.state.bus, &fired, job).await;

    assert_eq!(yard.suspensions().await.len(), 2);
    let state = yard.job(job).await;
    assert_eq!(
        (&state["state"], &state["doneCount"], &state["failedCount"]),
        (&json!("FINISHED"), &json!(5), &json!(3))
    );
    let refused: Vec<String> = yard.ids().split_off(2);
    let failures = codes(&state["failures"]);
    assert_eq!(failures.keys().cloned().collect::<Vec<_>>(), refused);
    assert!(failures.values().all(|code| code == "FORBIDDEN"), "{failures:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_revoked_has_nothing_more_done() {
    let yard = Yard::with(3).await;
    let (front, owner) = (&yard.front, yard.front.owner);
    let issue = json!({ "name": "K", "scopes": ["SUBSCRIPTION_WRITE"], "expiresAt": "2027-02-01T00:00:00Z" });
    let issued = front.accepted(owner, "apiKeyIssue", "apiKey { id }", issue).await;
    let key = &issued["apiKey"]["id"];
    let super_admin = front.colleague(&[]).await.user;
    let context = Context {
        impersonator: Some(super_admin),
        actor: Actor::Key {
            user: owner.user,
            key: parsed(key),
            scopes: [permission::SUBSCRIPTION_WRITE.to_owned()].into(),
        },
        ..product(&front.test.store(), owner.tenant)
    };
    let suspend = SuspendSubscriptions {
        subscriptions: yard.lines.clone(),
        reason: "abuse".to_owned(),
    };
    let started = front.state.bus.dispatch(context, suspend).await.expect("started");
    let Bulk::Started(job) = started.answer else {
        unreachable!("it was not asked about only");
    };
    let fired = yard.fired(job).await;
    assert_eq!(yard.jobs().by(1).go_on(&fired, job).await, Went::On);
    let by_key = |event: &Recorded| {
        event.meta("api_key").as_deref() == key.as_str()
            && event.meta("impersonator") == Some(super_admin.to_string())
    };
    let log = yard.log().await;
    let suspended = log
        .iter()
        .filter(|event| event.event_type.ends_with(".suspended"));
    assert!(suspended.clone().count() == 1 && suspended.clone().all(by_key));
    front
        .accepted(owner, "apiKeyRevoke", "apiKey { id }", json!({ "id": key }))
        .await;
    drive(&front.state.bus, &fired, job).await;
    assert_eq!(yard.suspensions().await.len(), 1);
    let failures = codes(&yard.job(job).await["failures"]);
    assert_eq!(failures.len(), 2);
    assert!(failures.values().all(|code| code == "FORBIDDEN"), "{failures:?}");
}

async fn switch(yard: &Yard, access: TenantAccess) {
    let store = yard.front.test.store();
    let mut tx = store.db().tenant_tx(yard.front.owner.tenant).await.expect("tx");
    access::set_tenant(&mut tx, &access).await.expect("set");
    tx.commit().await.expect("commit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_an_operator_that_is_switched_off_waits_and_that_of_a_locked_panel_is_refused() {
    let yard = Yard::with(3).await;
    let job: JobId = yard.started(yard.front.owner, &yard.ids()).await;
    let fired = yard.fired(job).await;
    let off = TenantAccess {
        disabled: true,
        ..TenantAccess::default()
    };
    switch(&yard, off).await;
    let went = yard.jobs().go_on(&fired, job).await;
    assert!(matches!(went, Went::NotNow { .. }), "{went:?}");
    assert_eq!(yard.suspensions().await.len(), 0);
    switch(&yard, TenantAccess::default()).await;
    assert_eq!(yard.jobs().by(1).go_on(&fired, job).await, Went::On);
    let locked = TenantAccess {
        panel_locked: true,
        ..TenantAccess::default()
    };
    switch(&yard, locked).await;
    drive(&yard.front.state.bus, &fired, job).await;
    switch(&yard, TenantAccess::default()).await;
    assert_eq!(yard.suspensions().await.len(), 1);
    let failures = codes(&yard.job(job).await["failures"]);
    assert_eq!(failures.len(), 2);
    assert!(
        failures.values().all(|code| code == "PANEL_LOCKED"),
        "{failures:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_cannot_be_read_holds_the_others_up_for_some_tries_only() {
    let yard = Yard::with(3).await;
    let job = yard.started(yard.front.owner, &yard.ids()).await;
    let fired = yard.fired(job).await;
    let spoilt = yard.lines[1];
    let mut admin = Session::open(&yard.front.test.superuser_url()).await;
    for statement in [
        "SET session_replication_role = replica".to_owned(),
        format!("UPDATE es.events SET payload = '{{}}' WHERE aggregate_id = '{spoilt}'"),
    ] {
        admin.run(&statement).await.expect("a superuser may");
    }
    // Which remembers nothing of the line.
    let jobs = Jobs::new(yard.front.another_process().bus.clone());
    for attempts in [1, 8] {
        let fired = Fired {
            attempts,
            ..fired.clone()
        };
        let went = jobs.go_on(&fired, job).await;
        assert!(matches!(went, Went::NotNow { .. }), "{went:?}");
        let state = yard.job(job).await;
        assert_eq!(
            (&state["state"], &state["doneCount"]),
            (&json!("RUNNING"), &json!(1))
        );
    }
    let fired = Fired { attempts: 9, ..fired };
    assert_eq!(jobs.go_on(&fired, job).await, Went::Over);
    let state = yard.job(job).await;
    assert_eq!(
        (&state["state"], &state["doneCount"], &state["failedCount"]),
        (&json!("FINISHED"), &json!(3), &json!(1))
    );
    let failures = &state["failures"]["nodes"];
    assert_eq!(failures[0]["subscriptionId"], spoilt.to_string());
    assert_eq!(failures[0]["code"], "INTERNAL_ERROR");
    assert_eq!(yard.status(yard.lines[2]).await, SubscriptionStatus::Suspended);
}
