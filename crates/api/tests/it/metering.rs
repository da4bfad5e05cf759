//! What is used and what comes in, over days: who may see it, and that it adds up.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use simpul_api::{Surface, auth::Viewer};
use simpul_app::{
    billing::{BookObservation, OpenCheckout},
    permission,
};
use simpul_domain::{
    GatewayId, Rupiah, TenantId,
    billing::gateway::{Currency, Observation, ObservedState},
};
use simpul_event_store::{ConsistencyToken, feed};

use crate::{
    front::{Front, read},
    hooks, story, surfaces,
};

fn revenue(from: &str, to: &str) -> String {
    format!(
        "{{ revenueByRouter(fromOn: \"{from}\", toOn: \"{to}\") {{
            received {{ amount }} refunded {{ amount }} kept {{ amount }}
            rows {{ routerName kept {{ amount }} paymentCount }} }} }}"
    )
}

fn usage(from: &str, to: &str) -> String {
    format!("{{ usageHistory(fromOn: \"{from}\", toOn: \"{to}\") {{ on resource peak atEnd }} }}")
}

/// As new as everything that has happened.
async fn now(front: &Front, viewer: Viewer, query: &str) -> Value {
    let seq = feed::head(&front.test.store(), viewer.tenant)
        .await
        .expect("a head");
    let token = ConsistencyToken {
        tenant: viewer.tenant,
        seq,
    };
    let request = Request::post("/graphql")
        .header(header::AUTHORIZATION, format!("Bearer {}", front.token(viewer)))
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-consistency-token", token.to_string())
        .body(Body::from(json!({ "query": query }).to_string()))
        .expect("request");
    let (_, mut answer) = read(front.send(request).await).await;
    assert!(answer.get("errors").is_none(), "{query}: {answer}");
    answer["data"].take()
}

/// What a question that is not answered is refused for.
async fn refused(front: &Front, viewer: Viewer, query: &str) -> Value {
    let (_, answer) = front.ask(viewer, query, Value::Null).await;
    assert!(answer.get("data").is_none_or(Value::is_null), "{answer}");
    answer["errors"][0]["extensions"]["code"].clone()
}

/// Another customer's line on another router.
async fn second_line(front: &Front, plan: &Value) -> Value {
    let owner = front.owner;
    let customer = json!({ "code": "C-2", "name": "Sari", "phone": "0812-3456-7891" });
    let customer = front
        .accepted(owner, "customerRegister", "customer { id }", customer)
        .await;
    let router = json!({
        "name": "R2", "host": "10.9.0.2", "port": 8728, "tls": "PLAIN", "username": "simpul", "password": "rahasia",
    });
    let router = front
        .accepted(owner, "routerRegister", "router { id }", router)
        .await;
    let open = json!({
        "planId": plan, "customerId": customer["customer"]["id"], "routerId": router["router"]["id"],
        "username": "sari", "secret": "s3cret", "installedOn": "2027-01-04",
    });
    let opened = front
        .accepted(owner, "subscriptionOpen", "subscription { id }", open)
        .await;
    let id = opened["subscription"]["id"].clone();
    let activate = json!({ "id": id, "idempotencyKey": "activate-2" });
    front
        .accepted(owner, "subscriptionActivate", "subscription { id }", activate)
        .await;
    id
}

/// Somebody pays at a gateway.
struct Till<'f> {
    front: &'f Front,
    gateway: GatewayId,
}

impl Till<'_> {
    async fn order(&self, invoice: &Value) -> String {
        let open = OpenCheckout {
            invoice: invoice.as_str().expect("an id").parse().expect("an invoice"),
            gateway: self.gateway,
            channel: "BRIVA".to_owned(),
            payer_fee: Rupiah::ZERO,
            merchant_fee: Rupiah::ZERO,
        };
        let planned = self.front.carry_out(self.front.owner.tenant, open).await;
        planned.merchant_ref.as_str().to_owned()
    }

    async fn hear(&self, order: &str, provider: &str, state: ObservedState, amount: i64) {
        let observation = Observation {
            provider_ref: provider.to_owned(),
            order_ref: order.to_owned(),
            state,
            gross: Rupiah::try_new(amount).expect("an amount"),
            currency: Currency::Idr,
            payer_fee: None,
            merchant_fee: None,
            given_back: None,
            channel: Some("BRIVA".to_owned()),
            paid_at: Some(self.front.test.store().now()),
            raw_sha256: "00".repeat(32),
        };
        let book = BookObservation {
            gateway: self.gateway,
            observation,
            notice: None,
        };
        self.front.carry_out(self.front.owner.tenant, book).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_investor_sees_what_each_router_brought_and_that_nothing_is_missing() {
    let front = Front::open().await;
    let owner = front.owner;
    let line = story::line(&front, owner).await;
    let bill = story::invoice(&front, owner, &line).await["id"].clone();
    let second = second_line(&front, &line.plan).await;
    let issue = json!({ "subscriptionId": second, "dueOn": "2027-02-15", "idempotencyKey": "bill-2" });
    let issued = front
        .accepted(owner, "invoiceIssue", "invoice { id }", issue)
        .await;
    let second_bill = issued["invoice"]["id"].clone();
    let gateway = hooks::connect(&front).await["id"].clone();
    let till = Till {
        front: &front,
        gateway: gateway.as_str().expect("an id").parse().expect("a gateway"),
    };
    // A part of a bill; then more than the other bill, on the next day in Jakarta.
    let order = till.order(&bill).await;
    till.hear(&order, "T1", ObservedState::Paid, 50_000).await;
    front.test.clock().advance(TimeDelta::hours(16));
    let order = till.order(&second_bill).await;
    till.hear(&order, "T2", ObservedState::Paid, 200_000).await;
    till.hear("SOMEBODY-ELSES", "T3", ObservedState::Paid, 70_000)
        .await;
    // Paid, and taken back.
    let order = till.order(&bill).await;
    till.hear(&order, "T4", ObservedState::Paid, 100_000).await;
    till.hear(&order, "T4", ObservedState::Refunded, 100_000).await;

    let investor = front.colleague(permission::INVESTOR).await;
    let query = revenue("2027-01-01", "2027-01-31");
    let data = now(&front, investor, &query).await;
    let whole = &data["revenueByRouter"];
    let row = |name: Value, kept: &str, payments: i32| json!({ "routerName": name, "kept": { "amount": kept }, "paymentCount": payments });
    assert_eq!(
        whole["rows"],
        json!([
            row(json!("R2"), "150000", 1),
            row(json!("R1"), "50000", 1),
            row(Value::Null, "120000", 2)
        ])
    );
    let totals = "{ paymentTotals { received { amount } refunded { amount } balanced } }";
    let totals = now(&front, investor, totals).await["paymentTotals"].take();
    assert_eq!(totals["balanced"], true);
    assert_eq!(
        (&whole["received"], &whole["refunded"]),
        (&totals["received"], &totals["refunded"])
    );
    let amount = |money: &Value| -> i64 {
        let digits = money["amount"].as_str().expect("an amount");
        digits.parse().expect("whole rupiah")
    };
    let rows = whole["rows"].as_array().expect("rows").iter();
    assert_eq!(
        rows.map(|row| amount(&row["kept"])).sum::<i64>(),
        amount(&totals["received"]) - amount(&totals["refunded"])
    );
    assert_eq!(amount(&whole["kept"]), 320_000);
    for (day, kept) in [("2027-01-03", 0), ("2027-01-04", 50_000), ("2027-01-05", 270_000)] {
        let data = now(&front, investor, &revenue(day, day)).await;
        assert_eq!(amount(&data["revenueByRouter"]["kept"]), kept, "{day}");
    }

    // The router itself is for whoever may see routers.
    let named =
        "{ revenueByRouter(fromOn: \"2027-01-01\", toOn: \"2027-01-31\") { rows { router { name } } } }";
    let data = now(&front, owner, named).await;
    assert_eq!(
        data["revenueByRouter"]["rows"],
        json!([{ "router": { "name": "R2" } }, { "router": { "name": "R1" } }, { "router": null }])
    );
    let (_, answer) = front.ask(investor, named, Value::Null).await;
    assert_eq!(
        answer["data"]["revenueByRouter"]["rows"][0]["router"],
        Value::Null
    );
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");

    let nobody = front.colleague(&[permission::ROUTER_READ]).await;
    assert_eq!(refused(&front, nobody, &query).await, "FORBIDDEN");
    for (from, to) in [("2027-01-02", "2027-01-01"), ("2027-01-01", "2028-01-02")] {
        let code = refused(&front, investor, &revenue(from, to)).await;
        assert_eq!(code, "VALIDATION_ERROR", "{from} to {to}");
    }
    let neighbour = front.neighbour().await;
    let data = now(&front, neighbour, &query).await;
    assert_eq!(
        data["revenueByRouter"],
        json!({ "received": { "amount": "0" }, "refunded": { "amount": "0" }, "kept": { "amount": "0" }, "rows": [] })
    );
}

/// A question of those who run the platform, with the status and the whole answer.
async fn of_platform(front: &Front, operator: Viewer, tenant: &str, from: &str, to: &str) -> Value {
    let query = format!(
        "{{ tenantUsageHistory(id: \"{tenant}\", fromOn: \"{from}\", toOn: \"{to}\") {{ on resource peak atEnd }} }}"
    );
    let token = front.token_for(Surface::Platform, operator);
    let request = Request::post(Surface::Platform.path())
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(json!({ "query": query }).to_string()))
        .expect("request");
    let (status, answer) = read(front.send(request).await).await;
    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_is_told_day_by_day_and_ends_with_what_the_limits_count() {
    let front = Front::open().await;
    let owner = front.owner;
    let line = story::line(&front, owner).await;
    let second = second_line(&front, &line.plan).await;
    let store = front.test.store();
    front.test.clock().advance(TimeDelta::days(2));
    let terminate = simpul_app::subscriptions::ChangeSubscription {
        subscription: second.as_str().expect("an id").parse().expect("a line"),
        change: simpul_app::subscriptions::Change::Terminate {
            reason: "pindah".to_owned(),
        },
    };
    front.carry_out(owner.tenant, terminate).await;

    let query = usage("2027-01-01", "2027-12-31");
    let data = now(&front, owner, &query).await;
    let day = |on: &str, resource: &str, peak: i32, at_end: i32| json!({ "on": on, "resource": resource, "peak": peak, "atEnd": at_end });
    let told = json!([
        day("2027-01-04", "ROUTERS", 2, 2),
        day("2027-01-04", "USERS", 2, 2),
        day("2027-01-05", "ROUTERS", 2, 2),
        day("2027-01-05", "USERS", 2, 2),
        day("2027-01-06", "ROUTERS", 2, 2),
        day("2027-01-06", "USERS", 2, 1),
    ]);
    assert_eq!(data["usageHistory"], told);
    let limits = now(&front, owner, "{ tenantPlan { limits { resource used } } }").await;
    for resource in ["ROUTERS", "USERS"] {
        let mut used = limits["tenantPlan"]["limits"].as_array().expect("limits").iter();
        let used = used.find(|limit| limit["resource"] == resource).expect("counted");
        let mut days = told.as_array().expect("days").iter().rev();
        let last = days.find(|day| day["resource"] == resource).expect("a day");
        assert_eq!(last["atEnd"], used["used"], "{resource}");
    }
    let (before, after) = (
        usage("2026-12-01", "2027-01-03"),
        usage("2027-01-07", "2027-01-31"),
    );
    for query in [before, after] {
        let data = now(&front, owner, &query).await;
        assert_eq!(data["usageHistory"], json!([]), "{query}");
    }
    assert_eq!(
        refused(&front, owner, &usage("2027-01-01", "2028-01-02")).await,
        "VALIDATION_ERROR"
    );
    let colleague = front.colleague(permission::INVESTOR).await;
    assert_eq!(refused(&front, colleague, &query).await, "FORBIDDEN");

    let operator = surfaces::operator(&front).await;
    let (mine, nobodys) = (
        owner.tenant.to_string(),
        TenantId::new(store.ids().next()).to_string(),
    );
    let answer = of_platform(&front, operator, &mine, "2027-01-01", "2027-12-31").await;
    assert_eq!(answer["data"]["tenantUsageHistory"], told, "{answer}");
    for unknown in [nobodys.as_str(), "rubbish"] {
        let answer = of_platform(&front, operator, unknown, "2027-01-01", "2027-12-31").await;
        assert_eq!(answer["data"]["tenantUsageHistory"], json!([]), "{answer}");
    }
    let answer = of_platform(&front, operator, &mine, "2027-02-01", "2027-01-01").await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "VALIDATION_ERROR",
        "{answer}"
    );
}
