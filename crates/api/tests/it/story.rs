//! From a plan to a voided bill, each step read back as new as its own write.

use serde_json::{Value, json};
use simpul_api::auth::Viewer;
use simpul_testkit::sql::Session;

use crate::front::Front;

/// Ids of a line and everything that it needs.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) plan: Value,
    pub(crate) customer: Value,
    pub(crate) router: Value,
    pub(crate) subscription: Value,
}

/// A line that is active.
pub(crate) async fn line(front: &Front, viewer: Viewer) -> Line {
    let plan = json!({
        "name": "Rumah 20", "downloadKbps": 20_000, "uploadKbps": 5_000, "profile": "rumah-20",
        "price": { "amount": "150000", "currency": "IDR" },
    });
    let plan = front
        .accepted(
            viewer,
            "servicePlanDefine",
            "servicePlan { id name price { amount currency } }",
            plan,
        )
        .await;
    assert_eq!(
        plan["servicePlan"]["price"],
        json!({ "amount": "150000", "currency": "IDR" })
    );
    let customer = json!({ "code": "C-1", "name": "Budi Santoso", "phone": "0812-3456-7890" });
    let customer = front
        .accepted(
            viewer,
            "customerRegister",
            "customer { id name phone email }",
            customer,
        )
        .await;
    assert_eq!(customer["customer"]["name"], "Budi Santoso");
    assert_eq!(customer["customer"]["phone"], "+6281234567890");
    let router = json!({
        "name": "R1", "host": "10.9.0.1", "port": 8728, "tls": "PLAIN", "username": "simpul", "password": "rahasia",
    });
    let router = front
        .accepted(viewer, "routerRegister", "router { id host tls }", router)
        .await;
    let ids = [
        &plan["servicePlan"]["id"],
        &customer["customer"]["id"],
        &router["router"]["id"],
    ];
    let open = json!({
        "planId": ids[0], "customerId": ids[1], "routerId": ids[2], "username": "budi", "secret": "s3cret",
        "installedOn": "2027-01-04",
    });
    let entity = "subscription { id status plan { id } customer { code } router { name } }";
    let opened = front.accepted(viewer, "subscriptionOpen", entity, open).await;
    assert_eq!(opened["subscription"]["status"], "PENDING");
    let id = opened["subscription"]["id"].clone();
    let entity = "subscription { status provisioning { state wantedVersion } }";
    let active = front
        .accepted(
            viewer,
            "subscriptionActivate",
            entity,
            json!({ "id": id, "idempotencyKey": "activate" }),
        )
        .await;
    assert_eq!(active["subscription"]["status"], "ACTIVE");
    assert_eq!(active["subscription"]["provisioning"]["state"], "CONVERGING");
    Line {
        plan: ids[0].clone(),
        customer: ids[1].clone(),
        router: ids[2].clone(),
        subscription: id,
    }
}

/// A bill of the line.
pub(crate) async fn invoice(front: &Front, viewer: Viewer, line: &Line) -> Value {
    let input =
        json!({ "subscriptionId": line.subscription, "dueOn": "2027-02-15", "idempotencyKey": "bill-1" });
    let entity = "invoice { id number status total { amount } outstanding { amount } }";
    let mut issued = front.accepted(viewer, "invoiceIssue", entity, input).await;
    assert_eq!(issued["invoice"]["status"], "ISSUED");
    issued["invoice"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_sold_billed_suspended_and_explained() {
    let front = Front::open().await;
    let owner = front.owner;
    let line = line(&front, owner).await;
    let suspend =
        json!({ "id": line.subscription, "reason": "permintaan pelanggan", "idempotencyKey": "suspend" });
    let suspended = front
        .accepted(
            owner,
            "subscriptionSuspend",
            "subscription { status statusReason }",
            suspend,
        )
        .await;
    assert_eq!(suspended["subscription"]["status"], "SUSPENDED");
    let resume = json!({ "id": line.subscription, "idempotencyKey": "resume" });
    let resumed = front
        .accepted(
            owner,
            "subscriptionResume",
            "subscription { status }",
            resume.clone(),
        )
        .await;
    assert_eq!(resumed["subscription"]["status"], "ACTIVE");

    let bill = invoice(&front, owner, &line).await;
    assert_eq!(bill["total"]["amount"], "150000");
    let void = json!({ "id": bill["id"], "reason": "salah tagih", "idempotencyKey": "void" });
    let voided = front
        .accepted(
            owner,
            "invoiceVoid",
            "invoice { status voidReason }",
            void.clone(),
        )
        .await;
    assert_eq!(
        voided["invoice"],
        json!({ "status": "VOID", "voidReason": "salah tagih" })
    );

    let data = front
        .data(
            owner,
            "query($id: ID!) {
                viewer { user { id } tenant { name settings { region { timeZone } invoicing { dueDay } } } permissions }
                node(id: $id) { id __typename ... on Subscription { username overdueInvoices { id } } }
                subscriptions(first: 1, filter: { status: { eq: ACTIVE } }) { nodes { id } pageInfo { hasNextPage } }
                invoices { nodes { number customer { name } } }
                payments { nodes { id } }
                paymentTotals { received { amount } balanced }
                messages { nodes { id } }
                routers { nodes { name } }
                customers(code: \"C-1\") { nodes { name } }
                servicePlans(onSaleOnly: true) { nodes { name } }
                history(id: $id, first: 100) { nodes { eventType actor summary } }
                explain(subscriptionId: $id) { eventType depth }
                deadLetters { reason } parkedEvents { error }
            }",
            json!({ "id": line.subscription }),
        )
        .await;
    assert_eq!(data["viewer"]["permissions"].as_array().map(Vec::len), Some(20));
    assert_eq!(data["node"]["username"], "budi");
    assert_eq!(data["invoices"]["nodes"][0]["customer"]["name"], "Budi Santoso");
    assert_eq!(
        data["paymentTotals"],
        json!({ "received": { "amount": "0" }, "balanced": true })
    );
    assert_eq!(data["explain"].as_array().map(Vec::is_empty), Some(false));
    let history = data["history"]["nodes"].to_string();
    assert!(
        history.contains("subscriptions.subscription.suspended"),
        "{history}"
    );
    assert!(
        !history.contains("s3cret") && history.contains("(sealed)"),
        "{history}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_field_is_reported_at_its_place() {
    let front = Front::open().await;
    let plan = json!({
        "name": "Rumah", "downloadKbps": 1, "uploadKbps": 1, "profile": " x ",
        "price": { "amount": "1.5", "currency": "IDR" },
    });
    let refused = front
        .payload(front.owner, "servicePlanDefine", "servicePlan { id }", plan)
        .await;
    let errors = refused["userErrors"].as_array().expect("errors");
    let at: Vec<(&Value, &Value)> = errors
        .iter()
        .map(|error| (&error["code"], &error["path"][1]))
        .collect();
    assert_eq!(
        at,
        [
            (&json!("AMOUNT_NOT_WHOLE"), &json!("price")),
            (&json!("VALIDATION_ERROR"), &json!("profile"))
        ]
    );
    assert_eq!(refused["servicePlan"], Value::Null);
    assert_eq!(refused["consistencyToken"], Value::Null);

    let customer = json!({ "code": "C-1", "name": "Budi", "phone": "0812-3456-7890" });
    front
        .accepted(
            front.owner,
            "customerRegister",
            "customer { id }",
            customer.clone(),
        )
        .await;
    let mut admin = Session::open(&front.test.superuser_url()).await;
    let keys = "SELECT count(*) FROM es.subject_keys";
    let before: i64 = admin.value(keys).await;
    let taken = front
        .payload(front.owner, "customerRegister", "customer { id }", customer)
        .await;
    assert_eq!(taken["userErrors"][0]["code"], "DUPLICATE_ENTRY");
    assert_eq!(taken["userErrors"][0]["path"], json!(["input", "code"]));
    assert_eq!(
        admin.value::<i64>(keys).await,
        before,
        "a key of somebody who was not registered"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_and_senders_are_read_back() {
    let front = Front::open().await;
    let sender = json!({ "kind": "FONNTE", "token": "dummy", "device": "0812-0000-0001" });
    let sender = front
        .accepted(front.owner, "senderConnect", "sender { id kind }", sender)
        .await;
    assert_eq!(sender["sender"]["kind"], "FONNTE");
}
