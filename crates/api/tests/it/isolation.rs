//! Another tenant's things are, byte for byte, things that do not exist; what is not permitted is refused.

use axum::http::StatusCode;
use serde_json::{Value, json};
use simpul_app::permission;

use crate::{
    front::{Front, document},
    hooks, story,
};

/// A well-formed id of the same kind that nobody has.
fn nobodys(id: &Value) -> Value {
    let (prefix, _) = id.as_str().and_then(|id| id.split_once('_')).expect("an id");
    json!(format!("{prefix}_7zzzzzzzzzzzzzzzzzzzzzzzzz"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_about_foreign_ids_answer_exactly_as_about_ids_that_nobody_has() {
    let front = Front::open().await;
    let neighbour = front.neighbour().await;
    let line = story::line(&front, front.owner).await;
    let bill = story::invoice(&front, front.owner, &line).await["id"].clone();
    let questions = [
        ("query($id: ID!) { node(id: $id) { id } }", &line.subscription),
        ("query($id: ID!) { node(id: $id) { id } }", &line.customer),
        ("query($id: ID!) { node(id: $id) { id } }", &line.plan),
        ("query($id: ID!) { nodes(ids: [$id]) { id } }", &line.router),
        (
            "query($id: ID!) { subscription(id: $id) { id } }",
            &line.subscription,
        ),
        ("query($id: ID!) { invoice(id: $id) { id } }", &bill),
        (
            "query($id: ID!) { history(id: $id) { nodes { id } } }",
            &line.subscription,
        ),
        (
            "query($id: ID!) { explain(subscriptionId: $id) { eventId } }",
            &line.subscription,
        ),
        (
            "query($id: ID!) { subscriptions(filter: { customerId: { eq: $id } }) { nodes { id } } }",
            &line.customer,
        ),
        (
            "query($id: ID!) { invoices(filter: { subscriptionId: { eq: $id } }) { nodes { id } } }",
            &line.subscription,
        ),
        (
            "query($id: ID!) { payments(filter: { customerId: { eq: $id } }) { nodes { id } } }",
            &line.customer,
        ),
        (
            "query($id: ID!) { messages(filter: { customerId: { eq: $id } }) { nodes { id } } }",
            &line.customer,
        ),
    ];
    for (query, id) in questions {
        let (status, foreign) = front.ask(neighbour, query, json!({ "id": id })).await;
        let nobody = front.ask(neighbour, query, json!({ "id": nobodys(id) })).await;
        assert_eq!(
            (status, foreign.to_string()),
            (nobody.0, nobody.1.to_string()),
            "{query}"
        );
        assert!(foreign.get("errors").is_none(), "{query}: {foreign}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_about_foreign_ids_are_refused_exactly_as_about_ids_that_nobody_has() {
    let front = Front::open().await;
    let neighbour = front.neighbour().await;
    let line = story::line(&front, front.owner).await;
    let bill = story::invoice(&front, front.owner, &line).await["id"].clone();
    let gateway = hooks::connect(&front).await["id"].clone();
    let theirs = story::line(&front, neighbour).await;
    let their_bill = story::invoice(&front, neighbour, &theirs).await["id"].clone();
    let open = |plan: &Value, customer: &Value, router: &Value| {
        json!({ "planId": plan, "customerId": customer, "routerId": router, "username": "x", "secret": "x",
                "installedOn": "2027-01-04" })
    };
    let pay = |bill: &Value, gateway: &Value| json!({ "invoiceId": bill, "gatewayId": gateway, "channel": "BRIVA", "idempotencyKey": "p" });
    let suspend = |id: &Value| json!({ "id": id, "reason": "r", "idempotencyKey": "s" });
    let by_id = |id: &Value| json!({ "id": id, "idempotencyKey": "b" });
    let elsewhere = |id: &Value| json!({ "id": id, "host": "203.0.113.9", "port": 8728, "tls": "PLAIN", "username": "api", "password": "x", "idempotencyKey": "e" });
    let issue = |id: &Value| json!({ "subscriptionId": id, "dueOn": "2027-02-15", "idempotencyKey": "i" });
    let commands = [
        (
            "subscriptionActivate",
            "subscription { id }",
            by_id(&line.subscription),
            by_id(&nobodys(&line.subscription)),
        ),
        (
            "subscriptionResume",
            "subscription { id }",
            by_id(&line.subscription),
            by_id(&nobodys(&line.subscription)),
        ),
        (
            "subscriptionSecretChange",
            "subscription { id }",
            json!({ "id": line.subscription, "secret": "x", "idempotencyKey": "c" }),
            json!({ "id": nobodys(&line.subscription), "secret": "x", "idempotencyKey": "c" }),
        ),
        (
            "routerAddressChange",
            "router { id }",
            elsewhere(&line.router),
            elsewhere(&nobodys(&line.router)),
        ),
        (
            "subscriptionSuspend",
            "subscription { id }",
            suspend(&line.subscription),
            suspend(&nobodys(&line.subscription)),
        ),
        (
            "invoiceVoid",
            "invoice { id }",
            suspend(&bill),
            suspend(&nobodys(&bill)),
        ),
        (
            "invoiceIssue",
            "invoice { id }",
            issue(&line.subscription),
            issue(&nobodys(&line.subscription)),
        ),
        (
            "paymentStart",
            "attempt { id }",
            pay(&bill, &gateway),
            pay(&nobodys(&bill), &gateway),
        ),
        (
            "paymentStart",
            "attempt { id }",
            pay(&their_bill, &gateway),
            pay(&their_bill, &nobodys(&gateway)),
        ),
        (
            "subscriptionOpen",
            "subscription { id }",
            open(&line.plan, &theirs.customer, &theirs.router),
            open(&nobodys(&line.plan), &theirs.customer, &theirs.router),
        ),
        (
            "subscriptionOpen",
            "subscription { id }",
            open(&theirs.plan, &line.customer, &theirs.router),
            open(&theirs.plan, &nobodys(&line.customer), &theirs.router),
        ),
        (
            "subscriptionOpen",
            "subscription { id }",
            open(&theirs.plan, &theirs.customer, &line.router),
            open(&theirs.plan, &theirs.customer, &nobodys(&line.router)),
        ),
    ];
    for (mutation, entity, foreign, nobody) in commands {
        let foreign = front.payload(neighbour, mutation, entity, foreign).await;
        let nobody = front.payload(neighbour, mutation, entity, nobody).await;
        assert_eq!(foreign.to_string(), nobody.to_string(), "{mutation}");
        assert_eq!(
            foreign["userErrors"][0]["code"], "NOT_FOUND",
            "{mutation}: {foreign}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_permission_nothing_is_told_and_nothing_is_done() {
    let front = Front::open().await;
    let nobody = front.colleague(&[]).await;
    let id = json!("sub_7zzzzzzzzzzzzzzzzzzzzzzzzz");
    let questions = [
        "{ subscriptions { nodes { id } } }",
        "{ subscription(id: \"sub_7zzzzzzzzzzzzzzzzzzzzzzzzz\") { id } }",
        "{ subscription(id: \"rubbish\") { id } }",
        "{ invoice(id: \"rubbish\") { id } }",
        "{ invoices { nodes { id } } }",
        "{ payments { nodes { id } } }",
        "{ paymentTotals { balanced } }",
        "{ revenueByRouter(fromOn: \"2027-01-01\", toOn: \"2027-01-31\") { kept { amount } } }",
        "{ usageHistory(fromOn: \"2027-01-01\", toOn: \"2027-01-31\") { peak } }",
        "{ messages { nodes { id } } }",
        "{ routers { nodes { id } } }",
        "{ customers { nodes { id } } }",
        "{ servicePlans { nodes { id } } }",
        "{ history(id: \"x\") { nodes { id } } }",
        "{ explain(subscriptionId: \"x\") { eventId } }",
        "{ deadLetters { reason } }",
        "{ parkedEvents { error } }",
        "{ stuckParcels { error } }",
        "{ stuckLanes { error } }",
        "{ stuckNotices { error } }",
        "{ node(id: \"sub_7zzzzzzzzzzzzzzzzzzzzzzzzz\") { id } }",
    ];
    for query in questions {
        let (_, body) = front.ask(nobody, query, Value::Null).await;
        assert_eq!(
            body["errors"][0]["extensions"]["code"], "FORBIDDEN",
            "{query}: {body}"
        );
    }
    let query = document("subscriptionActivate", "subscription { id }");
    for id in [&id, &json!("rubbish")] {
        let input = json!({ "id": id, "idempotencyKey": "n" });
        let (status, body) = front.ask(nobody, &query, json!({ "input": input })).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        let extensions = &body["errors"][0]["extensions"];
        assert_eq!(
            extensions,
            &json!({ "code": "FORBIDDEN", "permission": permission::SUBSCRIPTION_WRITE })
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_hidden_from_those_who_may_not_read_customers() {
    let front = Front::open().await;
    story::line(&front, front.owner).await;
    let technician = front.colleague(&[permission::SUBSCRIPTION_READ]).await;
    let query = "{ subscriptions { nodes { username customer { name } } } }";
    let (status, body) = front.ask(technician, query, Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body["data"]["subscriptions"]["nodes"][0],
        json!({ "username": "budi", "customer": null })
    );
    assert_eq!(
        body["errors"][0]["extensions"]["permission"],
        permission::CUSTOMER_READ
    );
    assert!(!body.to_string().contains("Budi"));
}
