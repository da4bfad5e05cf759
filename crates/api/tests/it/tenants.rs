//! An operator as the platform and as his own staff see him: onboarded, granted more, locked, gone.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use simpul_api::{Surface, auth::Viewer};
use simpul_app::{
    customers, permission, platform,
    policies::{Policies, timer_row},
    stream,
};
use simpul_domain::{
    TenantId,
    customers::{Customer, CustomerEvent},
    platform::Account,
    policy::TimerKind,
    saas::{Tab, TabEvent, payer_id},
};
use simpul_event_store::{
    ConsistencyToken,
    feed::{self, Runner, RunnerSettings},
    inline::{access, timer::Fired},
};

use crate::{
    front::{Front, document, read},
    surfaces,
};

/// The platform and whoever runs it.
pub(crate) struct Platform {
    pub(crate) front: Front,
    pub(crate) operator: Viewer,
}

impl Platform {
    pub(crate) async fn open() -> Self {
        let front = Front::open().await;
        let operator = surfaces::operator(&front).await;
        platform::found(&front.state.bus).await.expect("founded");
        let platform = Self { front, operator };
        platform.allow(operator, permission::SUPER_ADMIN).await;
        platform
    }

    pub(crate) async fn allow(&self, viewer: Viewer, permissions: &[&str]) {
        let held: Vec<String> = permissions.iter().map(|&held| held.to_owned()).collect();
        let store = self.front.test.store();
        let mut tx = store.db().tenant_tx(viewer.tenant).await.expect("tx");
        access::set_actor(&mut tx, viewer.user, &held, 99)
            .await
            .expect("set");
        tx.commit().await.expect("commit");
    }

    /// Lets policies react, and read models catch up with both logs.
    pub(crate) async fn settle(&self, tenant: TenantId) {
        let policies = Policies::new(self.front.state.bus.clone());
        let mut runner = Runner::reactor(self.front.test.store(), policies, RunnerSettings::default());
        runner.catch_up(|_| ()).await.expect("caught up");
        for (tenant, list) in [
            (TenantId::PLATFORM, "accounts"),
            (TenantId::PLATFORM, "offers"),
            (tenant, "add_on_orders"),
            (tenant, "routers"),
            (tenant, "tenants"),
            (tenant, "users"),
            (tenant, "history"),
        ] {
            let store = self.front.test.store();
            let seq = feed::head(&store, tenant).await.expect("a head");
            let read = feed::read_at(&store, tenant, &[list], Some(ConsistencyToken { tenant, seq })).await;
            read.expect("caught up").rollback().await.expect("read");
        }
    }

    /// One operation of those who run the platform.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Value {
        let (status, mut answer) = self.send(self.operator, query, variables).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].take()
    }

    /// What anybody there is answered.
    pub(crate) async fn send(&self, viewer: Viewer, query: &str, variables: Value) -> (StatusCode, Value) {
        let token = self.front.token_for(Surface::Platform, viewer);
        self.send_as(&token, query, variables).await
    }

    pub(crate) async fn send_as(&self, token: &str, query: &str, variables: Value) -> (StatusCode, Value) {
        let request = Request::post(Surface::Platform.path())
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(
                json!({ "query": query, "variables": variables }).to_string(),
            ))
            .expect("request");
        read(self.front.send(request).await).await
    }

    /// Why a command is refused: the code of each refusal, and where it is.
    pub(crate) async fn refusals(&self, mutation: &str, input: Value) -> Value {
        let query = document(mutation, "");
        let data = self.ask(&query, json!({ "input": input })).await;
        let errors = data[mutation]["userErrors"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let told = errors
            .iter()
            .map(|error| json!([error["code"], error["path"][1]]));
        told.collect()
    }

    pub(crate) async fn tell(&self, mutation: &str, input: Value) -> Value {
        let query = document(mutation, "tenant { id status plan panelLock }");
        let mut data = self.ask(&query, json!({ "input": input })).await;
        let payload = data[mutation].take();
        assert_eq!(payload["userErrors"], json!([]), "{mutation}: {payload}");
        payload["tenant"].clone()
    }

    /// An account, and nothing that follows from it yet.
    pub(crate) async fn open_account(&self, subdomain: &str) -> TenantId {
        let input = json!({
            "name": "WiFi Maju", "subdomain": subdomain, "plan": "basic", "ownerName": "Siti",
            "ownerEmail": "siti@wifimaju.example", "timeZone": "JAKARTA",
        });
        let opened = self.tell("tenantOnboard", input).await;
        opened["id"].as_str().expect("an id").parse().expect("an id")
    }

    pub(crate) async fn onboard(&self, subdomain: &str) -> Viewer {
        let tenant = self.open_account(subdomain).await;
        self.settle(tenant).await;
        let (account, _) = self
            .front
            .test
            .store()
            .load::<Account>(TenantId::PLATFORM, &tenant.to_string())
            .await
            .expect("loads");
        let user = account.owner().expect("open").user;
        let owner = Viewer { user, tenant };
        // As one who has accepted his invitation.
        self.allow(owner, permission::OWNER).await;
        owner
    }

    pub(crate) async fn router(&self, owner: Viewer, number: u32) -> Value {
        let input = json!({
            "name": format!("R{number}"), "host": "203.0.113.9", "port": 8728, "tls": "PLAIN",
            "username": "u", "password": "p",
        });
        self.front
            .payload(owner, "routerRegister", "router { id }", input)
            .await
    }
}

const LIMITS: &str = "{ tenantPlan { plan panelLock limits { resource limit used } } }";

fn routers(data: &Value) -> (Value, Value) {
    let limits = data["tenantPlan"]["limits"].as_array().expect("limits").iter();
    let one = limits
        .clone()
        .find(|one| one["resource"] == "ROUTERS")
        .expect("routers");
    (one["used"].clone(), one["limit"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_operator_has_its_new_name_everywhere_and_its_old_address() {
    let platform = Platform::open().await;
    let owner = platform.onboard("wifi-maju").await;
    let id = owner.tenant.to_string();
    let input = json!({ "id": id, "name": "Wifi Maju Terus" });
    platform.tell("tenantRename", input).await;
    platform.settle(owner.tenant).await;
    let listed = "{ tenants(search: \"terus\") { nodes { id name subdomain } } }";
    let data = platform.ask(listed, Value::Null).await;
    let named = json!([{ "id": id, "name": "Wifi Maju Terus", "subdomain": "wifi-maju" }]);
    assert_eq!(data["tenants"]["nodes"], named);
    let data = platform
        .front
        .data(owner, "{ viewer { tenant { name } } }", Value::Null)
        .await;
    assert_eq!(data["viewer"]["tenant"]["name"], "Wifi Maju Terus");
    let rename = document("tenantRename", "tenant { id }");
    let data = platform
        .ask(&rename, json!({ "input": { "id": id, "name": " " } }))
        .await;
    assert_eq!(
        data["tenantRename"]["userErrors"][0]["path"],
        json!(["input", "name"]),
        "{data}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_is_onboarded_asks_for_more_and_gets_no_more_than_that() {
    let platform = Platform::open().await;
    let owner = platform.onboard("wifi-maju").await;
    let front = &platform.front;
    let checklist = "{ onboardingChecklist { router servicePlan gateway sender customer } }";
    let data = front.data(owner, checklist, Value::Null).await;
    assert_eq!(data["onboardingChecklist"]["router"], false);
    for number in 0..2 {
        assert_eq!(platform.router(owner, number).await["userErrors"], json!([]));
    }
    let full = platform.router(owner, 3).await;
    assert_eq!(
        full["userErrors"][0]["code"], "LIMIT_REACHED",
        "two routers are the plan's: {full}"
    );
    assert_eq!(
        full["userErrors"][0]["params"],
        json!({ "resource": "routers", "limit": 2, "used": 2 })
    );
    let data = front.data(owner, checklist, Value::Null).await;
    assert_eq!(data["onboardingChecklist"]["router"], true);

    let order = json!({ "key": "extra_router", "quantity": 1 });
    front
        .accepted(owner, "addOnOrderPlace", "order { id status }", order)
        .await;
    let order = json!({ "key": "white_label", "quantity": 1 });
    let placed = front
        .accepted(owner, "addOnOrderPlace", "order { id status }", order)
        .await;
    platform.settle(owner.tenant).await;
    let data = front.data(owner, LIMITS, Value::Null).await;
    assert_eq!(routers(&data), (json!(2), json!(3)));
    assert_eq!(platform.router(owner, 3).await["userErrors"], json!([]));
    assert_eq!(
        platform.router(owner, 4).await["userErrors"][0]["code"],
        "LIMIT_REACHED"
    );

    let waiting = "{ tenants(filter: { requests: { gt: 0 } }) { nodes { id addOns { id key status } } } }";
    let data = platform.ask(waiting, Value::Null).await;
    assert_eq!(data["tenants"]["nodes"][0]["id"], json!(owner.tenant.to_string()));
    let decide = json!({ "id": owner.tenant.to_string(), "orderId": placed["order"]["id"] });
    platform.tell("addOnApprove", decide).await;
    platform.settle(owner.tenant).await;
    let orders = "{ addOnOrders { nodes { key status } } }";
    let data = front.data(owner, orders, Value::Null).await;
    assert_eq!(
        data["addOnOrders"]["nodes"],
        json!([{ "key": "white_label", "status": "ACTIVE" }, { "key": "extra_router", "status": "ACTIVE" }])
    );
    let dashboard =
        "{ platformDashboard { pendingRequests counts { status plan tenants } } queueStatus { queue failed }
        routerStatus { online offline } }";
    let data = platform.ask(dashboard, Value::Null).await;
    let queues = ["timers", "outbox", "lanes", "notices", "deadLetters"]
        .map(|queue| json!({ "queue": queue, "failed": 0 }));
    assert_eq!(data["queueStatus"], json!(queues));
    assert_eq!(data["routerStatus"], json!({ "online": 0, "offline": 0 }));
    assert_eq!(data["platformDashboard"]["pendingRequests"], 0);
    assert_eq!(data["platformDashboard"]["counts"][0]["tenants"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_an_operators_bills_are_for_is_said_as_soon_as_there_is_an_account() {
    let platform = Platform::open().await;
    let tenant = platform.open_account("wifi-maju").await;
    let register = document("saasPayerRegister", "saasPayer { tenantId }");
    let input = |tenant: TenantId| json!({ "input": { "tenantId": tenant.to_string(), "name": "Siti", "phone": "0812-1111-3333" } });
    let data = platform.ask(&register, input(tenant)).await;
    let payload = &data["saasPayerRegister"];
    assert_eq!(payload["userErrors"], json!([]), "{payload}");
    assert_eq!(payload["saasPayer"]["tenantId"], tenant.to_string());
    platform.settle(tenant).await;
    let store = platform.front.test.store();
    let tab = stream::events::<Tab>(&store, TenantId::PLATFORM, &tenant.to_string()).await;
    let tab = tab.expect("a tab").into_iter().find_map(|event| match event {
        TabEvent::Opened(opened) => Some(opened.code),
        _ => None,
    });
    let payer = payer_id(tenant).to_string();
    let payer = stream::events::<Customer>(&store, TenantId::PLATFORM, &payer).await;
    let payer = payer.expect("a payer").into_iter().find_map(|event| match event {
        CustomerEvent::Registered(registered) => Some(registered.code),
        CustomerEvent::ContactChanged(_) | CustomerEvent::Erased(_) => None,
    });
    assert!(tab.is_some());
    assert_eq!(payer, tab, "one code, whichever of both was first");

    // A new number, and no address any more.
    let change = document("saasPayerChange", "saasPayer { tenantId }");
    let input_of = |tenant: TenantId, phone: &str| json!({ "input": { "tenantId": tenant.to_string(), "name": "Budi", "phone": phone } });
    let data = platform.ask(&change, input_of(tenant, "0812-1111-4444")).await;
    assert_eq!(data["saasPayerChange"]["userErrors"], json!([]), "{data}");
    let id = payer_id(tenant).to_string();
    let events = stream::events::<Customer>(&store, TenantId::PLATFORM, &id).await;
    let Some(CustomerEvent::ContactChanged(changed)) = events.expect("a payer").pop() else {
        panic!("no change");
    };
    let mut tx = store.db().tenant_tx(TenantId::PLATFORM).await.expect("tx");
    let phone = store
        .vault()
        .open(&mut tx, &id, customers::field::PHONE, &changed.phone);
    assert_eq!(phone.await.expect("opened").expose_secret(), "+6281211114444");
    tx.rollback().await.expect("read");
    assert_eq!(changed.email, None);
    let data = platform.ask(&change, input_of(tenant, "12")).await;
    assert_eq!(
        data["saasPayerChange"]["userErrors"][0]["code"], "VALIDATION_ERROR",
        "{data}"
    );

    let nobody = TenantId::new(store.ids().next());
    let data = platform.ask(&change, input_of(nobody, "0812-1111-4444")).await;
    assert_eq!(
        data["saasPayerChange"]["userErrors"][0]["code"], "NOT_FOUND",
        "{data}"
    );
    assert_eq!(
        data["saasPayerChange"]["userErrors"][0]["path"],
        json!(["input", "tenantId"]),
        "{data}"
    );
    let data = platform.ask(&register, input(nobody)).await;
    assert_eq!(data["saasPayerRegister"]["userErrors"][0]["code"], "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_panel_reads_and_a_deleted_tenant_is_gone_for_ever() {
    let platform = Platform::open().await;
    let (owner, other) = (
        platform.onboard("wifi-maju").await,
        platform.onboard("wifi-lain").await,
    );
    let id = || json!({ "id": owner.tenant.to_string() });
    for viewer in [owner, other] {
        assert_eq!(platform.router(viewer, 1).await["userErrors"], json!([]));
    }
    let lock = json!({ "id": owner.tenant.to_string(), "reason": "unpaid" });
    assert_eq!(
        platform.tell("tenantPanelLock", lock).await["panelLock"],
        "unpaid"
    );
    platform.settle(owner.tenant).await;
    let register = document("routerRegister", "router { id }");
    let input = json!({ "input": {
        "name": "R2", "host": "203.0.113.9", "port": 8728, "tls": "PLAIN", "username": "u", "password": "p",
    }});
    let (_, refused) = platform.front.ask(owner, &register, input).await;
    assert_eq!(
        refused["errors"][0]["extensions"]["code"], "PANEL_LOCKED",
        "{refused}"
    );
    let data = platform.front.data(owner, LIMITS, Value::Null).await;
    assert_eq!(data["tenantPlan"]["panelLock"], "unpaid");
    platform.tell("tenantPanelUnlock", id()).await;
    platform.tell("tenantDelete", id()).await;
    platform.settle(owner.tenant).await;

    let due_at = platform.front.test.store().now() + TimeDelta::days(30);
    platform.front.test.clock().advance(TimeDelta::days(30));
    let kind = TimerKind::TenantDeletion {
        tenant: owner.tenant,
        due_at,
    };
    let fired = Fired {
        tenant: TenantId::PLATFORM,
        timer: timer_row(&kind, due_at, None).expect("a timer"),
        attempts: 0,
        epoch: 0,
    };
    let policies = Policies::new(platform.front.state.bus.clone());
    policies.fire(&fired).await.expect("fired");
    platform.settle(owner.tenant).await;

    let tenant = "query($id: ID!) { tenant(id: $id) { status limits { used } } }";
    let data = platform.ask(tenant, id()).await;
    assert_eq!(data["tenant"], json!({ "status": "DELETED", "limits": [] }));
    let (_, gone) = platform
        .front
        .ask(owner, "{ routers { nodes { id } } }", Value::Null)
        .await;
    assert!(gone.get("data").is_none_or(Value::is_null), "{gone}");
    let mut tx = feed::read_at(&platform.front.test.store(), owner.tenant, &["routers"], None)
        .await
        .expect("read");
    let rows =
        simpul_projections::network::router_list::list(&mut tx, false, simpul_projections::Page::first(9))
            .await
            .expect("read");
    assert!(rows.rows.is_empty(), "no row is left");
    let data = platform
        .front
        .data(other, "{ routers { nodes { name } } }", Value::Null)
        .await;
    assert_eq!(data["routers"]["nodes"], json!([{ "name": "R1" }]));
}
