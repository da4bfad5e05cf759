//! Whom a held run of isolations would isolate, as whoever must approve it sees it.

use chrono::TimeDelta;
use serde_json::{Value, json};
use simpul_api::auth::Viewer;
use simpul_app::permission;
use simpul_domain::{
    TenantId,
    billing::{IsolirRuns, IsolirRunsCommand},
    tenancy::settings::Isolir,
};
use simpul_event_store::Work;

use crate::{
    front::{Front, product},
    story,
};

const RUN: &str = "query($after: String) { isolirRun { status
    subscriptions(first: 1, after: $after) { nodes { id customer { code } } pageInfo { hasNextPage endCursor } } } }";

/// More lines than the limit allows are to be isolated.
pub(crate) async fn hold_a_run(front: &Front, tenant: TenantId, on: &str) {
    let store = front.test.store();
    let context = product(&store, tenant);
    let mut work = Work::new(&store, &context);
    let begin = IsolirRunsCommand::Begin {
        date: on.parse().expect("a date"),
        lines: 50,
        of: 100,
        limits: Isolir::default().guard,
        at: work.at(),
    };
    let begun = work.decide::<IsolirRuns>(&tenant.to_string(), begin).await;
    begun.expect("not refused");
    let committed = work.commit("test", &[0; 32], &Value::Null).await;
    committed.expect("appended");
}

async fn run(front: &Front, viewer: Viewer, after: &Value) -> Value {
    let mut data = front.data(viewer, RUN, json!({ "after": after })).await;
    data["isolirRun"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_run_lists_page_by_page_whom_an_approval_would_isolate() {
    let front = Front::open().await;
    let owner = front.owner;
    let line = story::line(&front, owner).await;
    let mut lines = vec![line.subscription.clone()];
    for username in ["sari", "siti"] {
        let open = json!({
            "planId": line.plan, "customerId": line.customer, "routerId": line.router, "username": username,
            "secret": "s3cret", "installedOn": "2027-01-04",
        });
        let opened = front
            .accepted(owner, "subscriptionOpen", "subscription { id }", open)
            .await;
        let id = opened["subscription"]["id"].clone();
        let activate = json!({ "id": id, "idempotencyKey": username });
        front
            .accepted(owner, "subscriptionActivate", "subscription { id }", activate)
            .await;
        lines.push(id);
    }
    // The last one owes nothing.
    let mut bills = Vec::new();
    for id in &lines[..2] {
        let bill = json!({ "subscriptionId": id, "dueOn": "2027-01-10", "idempotencyKey": id });
        let issued = front
            .accepted(owner, "invoiceIssue", "invoice { id }", bill)
            .await;
        bills.push(issued["invoice"]["id"].clone());
    }
    front.test.clock().advance(TimeDelta::days(20));
    hold_a_run(&front, owner.tenant, "2027-01-24").await;

    let first = run(&front, owner, &Value::Null).await;
    assert_eq!(first["status"], "HELD");
    let newest = json!([{ "id": lines[1], "customer": { "code": "C-1" } }]);
    assert_eq!(first["subscriptions"]["nodes"], newest);
    assert_eq!(first["subscriptions"]["pageInfo"]["hasNextPage"], true);
    let after = &first["subscriptions"]["pageInfo"]["endCursor"];
    let second = run(&front, owner, after).await;
    assert_eq!(second["subscriptions"]["nodes"][0]["id"], lines[0]);
    assert_eq!(second["subscriptions"]["pageInfo"]["hasNextPage"], false);
    let (_, refused) = front.ask(owner, RUN, json!({ "after": "rubbish" })).await;
    assert_eq!(
        refused["errors"][0]["extensions"]["code"], "VALIDATION_ERROR",
        "{refused}"
    );

    // Who may not see lines sees the run without them, and another operator's held run has none of ours.
    let teller = front.colleague(&[permission::BILLING_READ]).await;
    let (_, answer) = front.ask(teller, RUN, Value::Null).await;
    assert_eq!(
        answer["data"]["isolirRun"],
        json!({ "status": "HELD", "subscriptions": null }),
        "{answer}"
    );
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    let neighbour = front.neighbour().await;
    hold_a_run(&front, neighbour.tenant, "2027-01-24").await;
    let theirs = run(&front, neighbour, &Value::Null).await;
    assert_eq!(theirs["status"], "HELD");
    assert_eq!(theirs["subscriptions"]["nodes"], json!([]));

    let void = json!({ "id": bills[1], "reason": "settled", "idempotencyKey": "void" });
    front
        .accepted(owner, "invoiceVoid", "invoice { status }", void)
        .await;
    let left = run(&front, owner, &Value::Null).await;
    assert_eq!(left["subscriptions"]["nodes"][0]["id"], lines[0], "as it is now");
    let decline = json!({ "on": "2027-01-24", "reason": "the bank was down" });
    let entity = "isolirRun { status subscriptions { nodes { id } } }";
    let declined = front.accepted(owner, "isolirRunDecline", entity, decline).await;
    assert_eq!(
        declined["isolirRun"],
        json!({ "status": "DECLINED", "subscriptions": { "nodes": [] } })
    );
}
