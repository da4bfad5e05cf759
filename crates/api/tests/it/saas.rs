//! An operator pays the platform at a stand-in for its gateway, with the panel locked, and those who run it see the money.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};
use simpul_adapters::{
    egress::{Egress, Policy},
    standin::tripay::{Settings, TripayStandIn},
};
use simpul_api::{Surface, auth::Viewer};
use simpul_app::{
    billing::BookObservation,
    permission,
    policies::Policies,
    saas::{BillAccount, OpenTab},
    stream,
};
use simpul_domain::{
    AttemptId, InvoiceId, Rupiah, TenantId,
    billing::{
        Attempt, AttemptEvent,
        attempt::AttemptCreated,
        gateway::{Currency, Observation, ObservedState},
    },
    customers::CustomerCode,
};
use simpul_event_store::{
    Command,
    feed::{self, Runner, RunnerSettings},
    inline::access::{self, TenantAccess},
};
use simpul_testkit::ManualClock;

use crate::{
    front::{Front, document, read},
    surfaces,
};

struct Scene {
    front: Front,
    gateway: TripayStandIn,
    operator: Viewer,
    bill: InvoiceId,
}

impl Scene {
    async fn open() -> Self {
        let egress = Egress::new(Policy::development()).expect("a guard");
        let gateway = TripayStandIn::start(Settings::demo(), Arc::new(ManualClock::default()), &egress)
            .await
            .expect("a stand-in");
        let url = gateway.client_config().expect("a config").base_url;
        let front = Front::with_gateways_at(Some(url)).await;
        let operator = surfaces::operator(&front).await;
        let held = [permission::PLATFORM_BILLING, permission::AUDIT_READ].map(str::to_owned);
        let store = front.test.store();
        let mut tx = store.db().tenant_tx(TenantId::PLATFORM).await.expect("tx");
        access::set_actor(&mut tx, operator.user, &held, 1)
            .await
            .expect("set");
        tx.commit().await.expect("commit");
        let account = front.owner.tenant;
        let open = OpenTab {
            account,
            code: CustomerCode::parse("KAYU-NET").expect("a code"),
            name: "Kayu Net".to_owned(),
            since: store.now() - chrono::TimeDelta::days(40),
            plan: "Paket basic".to_owned(),
            price: Rupiah::try_new(150_000).expect("an amount"),
        };
        over_there(&front, open).await;
        let bill = over_there(
            &front,
            BillAccount {
                account,
                not_before: None,
            },
        )
        .await
        .expect("a bill");
        let scene = Self {
            front,
            gateway,
            operator,
            bill,
        };
        scene.settle().await;
        scene
    }

    /// Lets policies react to everything that has happened.
    async fn settle(&self) {
        let policies = Policies::new(self.front.state.bus.clone());
        let mut runner = Runner::reactor(self.front.test.store(), policies, RunnerSettings::default());
        runner.catch_up(|_| ()).await.expect("caught up");
    }

    /// A document of somebody at a surface, answered as of now.
    async fn ask(&self, surface: Surface, viewer: Viewer, query: &str, input: Value) -> Value {
        let store = self.front.test.store();
        let seq = feed::head(&store, viewer.tenant).await.expect("a head");
        let token = simpul_event_store::ConsistencyToken {
            tenant: viewer.tenant,
            seq,
        };
        let bearer = self.front.token_for(surface, viewer);
        let request = Request::post(surface.path())
            .header(header::AUTHORIZATION, format!("Bearer {bearer}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-consistency-token", token.to_string())
            .body(Body::from(
                json!({ "query": query, "variables": { "input": input } }).to_string(),
            ))
            .expect("a request");
        let (_, mut answer) = read(self.front.send(request).await).await;
        assert!(answer.get("errors").is_none(), "{query}: {answer}");
        answer["data"].take()
    }

    async fn govern(&self, mutation: &str, entity: &str, input: Value) -> Value {
        let mut data = self
            .ask(
                Surface::Platform,
                self.operator,
                &document(mutation, entity),
                input,
            )
            .await;
        data[mutation].take()
    }

    async fn bill_of_staff(&self) -> Value {
        let query = format!(
            "{{ saasInvoice(id: \"{}\") {{ status outstanding {{ amount }} paymentRequestedAt }} }}",
            self.bill
        );
        let mut data = self
            .ask(Surface::Staff, self.front.owner, &query, Value::Null)
            .await;
        data["saasInvoice"].take()
    }

    async fn pay(&self, viewer: Viewer, key: &str) -> Value {
        let input = json!({ "id": self.bill, "channel": "BRIVA", "idempotencyKey": key });
        let entity = "checkout { id payCode payUrl amount { amount } payerAmount { amount } }";
        let mut data = self
            .ask(Surface::Staff, viewer, &document("saasInvoicePay", entity), input)
            .await;
        data["saasInvoicePay"].take()
    }
}

/// A command of the product in the platform's log.
async fn over_there<C: Command>(front: &Front, command: C) -> C::Answer {
    front.carry_out(TenantId::PLATFORM, command).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_operator_pays_the_platform_through_its_gateway() {
    let scene = Scene::open().await;
    let (front, owner) = (&scene.front, scene.front.owner);
    let unpayable = scene.pay(owner, "k0").await;
    assert_eq!(
        unpayable["userErrors"][0]["code"], "UPSTREAM_UNAVAILABLE",
        "{unpayable}"
    );
    let connect = json!({
        "kind": "TRIPAY", "mode": "SANDBOX", "merchantCode": "T12345", "apiKey": "DEV-dummy-api-key",
        "signingKey": "dummy-private-key-0001", "fallbackEmail": "tagihan@simpul.test",
    });
    let connected = scene
        .govern("saasGatewayConnect", "gateway { id }", connect)
        .await;
    let account = connected["gateway"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{connected}"));
    let terms = json!({
        "sellerName": "Simpul", "billingDay": 1, "dueDays": 14, "graceDays": 7, "reminderDays": [-3, 0],
        "gatewayId": account,
    });
    let set = scene
        .govern("saasTermsSet", "saasTerms { gatewayId }", terms)
        .await;
    assert_eq!(set["saasTerms"]["gatewayId"], account, "{set}");

    let locked = TenantAccess {
        panel_locked: true,
        ..TenantAccess::default()
    };
    let mut tx = front.test.store().db().tenant_tx(owner.tenant).await.expect("tx");
    access::set_tenant(&mut tx, &locked).await.expect("set");
    tx.commit().await.expect("commit");
    let paying = scene.pay(owner, "k1").await;
    assert_eq!(paying["userErrors"], json!([]), "{paying}");
    assert_eq!(scene.gateway.orders().len(), 1);
    let again = scene.pay(owner, "k1").await;
    assert_eq!(again["checkout"]["id"], paying["checkout"]["id"]);
    assert_eq!(scene.gateway.orders().len(), 1);
    assert!(scene.bill_of_staff().await["paymentRequestedAt"].is_string());
    // Somebody else's bill is not there, and nothing is asked for it.
    let neighbour = front.neighbour().await;
    let stranger = scene.pay(neighbour, "k2").await;
    assert_eq!(stranger["userErrors"][0]["code"], "NOT_FOUND", "{stranger}");
    assert_eq!(scene.gateway.orders().len(), 1);

    let attempt: AttemptId = paying["checkout"]["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an attempt");
    let plan = planned(&scene, attempt).await;
    let order = plan.merchant_ref.as_str();
    book(&scene, account, order, "T1", plan.expected_payer_amount).await;
    scene.settle().await;
    let settled = scene.bill_of_staff().await;
    assert_eq!(settled["status"], "SETTLED", "{settled}");
    seen_by_the_platform(&scene).await;

    // Paid again, and by somebody whom nobody knows.
    book(&scene, account, order, "T2", plan.expected_payer_amount).await;
    let stray = Rupiah::try_new(7_000).expect("an amount");
    book(&scene, account, "somebody-elses", "T3", stray).await;
    every_rupiah_is_seen(&scene, &plan, neighbour.tenant).await;
}

/// What the platform planned for an attempt.
async fn planned(scene: &Scene, attempt: AttemptId) -> AttemptCreated {
    let store = scene.front.test.store();
    let events = stream::events::<Attempt>(&store, TenantId::PLATFORM, &attempt.to_string())
        .await
        .expect("an attempt");
    let plan = events.into_iter().find_map(|event| match event {
        AttemptEvent::Created(plan) => Some(plan),
        _ => None,
    });
    *plan.expect("planned")
}

/// The gateway says that an order is paid.
async fn book(scene: &Scene, account: &str, order_ref: &str, provider_ref: &str, gross: Rupiah) {
    let observation = Observation {
        provider_ref: provider_ref.to_owned(),
        order_ref: order_ref.to_owned(),
        state: ObservedState::Paid,
        gross,
        currency: Currency::Idr,
        payer_fee: None,
        merchant_fee: None,
        given_back: None,
        channel: Some("BRIVA".to_owned()),
        paid_at: Some(scene.front.test.store().now()),
        raw_sha256: "00".repeat(32),
    };
    let book = BookObservation {
        gateway: account.parse().expect("a gateway"),
        observation,
        notice: None,
    };
    over_there(&scene.front, book).await;
}

async fn seen_by_the_platform(scene: &Scene) {
    let query = "{ saasInvoices(first: 5, search: \"KAYU\", filter: { status: { eq: PAID } }) {
        nodes { tenantName number status total { amount } attempts { channel paidAt } } }
        nothing: saasInvoices(first: 5, search: \"somebody else\") { nodes { number } }
        saasAgeing { current { bills } over90Days { bills } } }";
    let data = scene
        .ask(Surface::Platform, scene.operator, query, Value::Null)
        .await;
    let bill = &data["saasInvoices"]["nodes"][0];
    assert_eq!(bill["tenantName"], "Kayu Net", "{data}");
    assert_eq!(bill["attempts"][0]["channel"], "BRIVA");
    assert!(bill["attempts"][0]["paidAt"].is_string());
    assert_eq!(data["nothing"]["nodes"], json!([]));
    assert_eq!(data["saasAgeing"]["current"]["bills"], 0);
    let total: i64 = bill["total"]["amount"]
        .as_str()
        .expect("text")
        .parse()
        .expect("a number");
    let from = scene.front.test.store().now().date_naive();
    let query = format!(
        "{{ saasRevenue(fromOn: \"{from}\", months: 2) {{ received {{ amount }} payments growthBasisPoints }} }}"
    );
    let data = scene
        .ask(Surface::Platform, scene.operator, &query, Value::Null)
        .await;
    assert_eq!(
        data["saasRevenue"][0]["received"]["amount"],
        total.to_string(),
        "{data}"
    );
    assert_eq!(data["saasRevenue"][1]["growthBasisPoints"], -10_000);
}

/// Money on a bill, money that became credit, and money of nobody.
async fn every_rupiah_is_seen(scene: &Scene, plan: &AttemptCreated, nobody: TenantId) {
    let fields = "nodes { tenantId tenantName tenantCode method reference flags paidAt amount { amount }
        allocated { amount } credited { amount } unmatched { amount }
        allocations { amount { amount } saasInvoice { id number status } } }";
    let account = scene.front.owner.tenant;
    let query = format!(
        "{{ all: saasPayments(first: 5) {{ {fields} }}
            own: saasPayments(filter: {{ tenantId: {{ eq: \"{account}\" }} }}) {{ nodes {{ reference }} }}
            other: saasPayments(filter: {{ tenantId: {{ eq: \"{nobody}\" }} }}) {{ nodes {{ reference }} }}
            unmatched: saasPayments(filter: {{ tenantId: {{ isNull: true }} }}) {{ nodes {{ reference }} }} }}"
    );
    let data = scene
        .ask(Surface::Platform, scene.operator, &query, Value::Null)
        .await;
    let all = data["all"]["nodes"].as_array().expect("nodes");
    let of = |reference: &str| {
        let found = all.iter().find(|node| node["reference"] == reference);
        found.expect(reference)
    };
    let amount = plan.amount.get().to_string();
    let parts =
        |node: &Value| ["allocated", "credited", "unmatched"].map(|part| node[part]["amount"].clone());
    let first = of("T1");
    assert_eq!(parts(first), [json!(amount), json!("0"), json!("0")], "{data}");
    assert_eq!(
        first["allocations"][0]["saasInvoice"]["id"],
        scene.bill.to_string()
    );
    assert_eq!(first["allocations"][0]["amount"]["amount"], json!(amount));
    let again = of("T2");
    assert_eq!(parts(again), [json!("0"), json!(amount), json!("0")], "{data}");
    assert_eq!(again["allocations"], json!([]));
    for node in [first, again] {
        assert_eq!(node["tenantId"], account.to_string());
        assert_eq!(node["tenantName"], "Kayu Net");
        assert_eq!(node["method"], "GATEWAY");
        assert!(node["paidAt"].is_string());
    }
    let stray = of("T3");
    assert_eq!(parts(stray), [json!("0"), json!("0"), json!("7000")], "{data}");
    assert_eq!(stray["tenantId"], Value::Null);
    assert_eq!(data["own"]["nodes"].as_array().map(Vec::len), Some(2));
    assert_eq!(data["other"]["nodes"], json!([]));
    assert_eq!(data["unmatched"]["nodes"], json!([{ "reference": "T3" }]));
}
