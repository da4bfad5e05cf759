//! One of everything for a tenant, made by the commands that make it.
#![expect(clippy::panic, reason = "a test that is set up wrongly says what is missing")]

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};
use simpul_api::{Surface, auth::Viewer};
use simpul_app::{
    Personal,
    billing::{BookObservation, OpenCheckout},
    identity::sessions::StartSession,
    permission,
    platform::OpenAccount,
    saas::{BillAccount, OpenTab},
};
use simpul_domain::{
    CorrelationId, Rupiah, SessionId, TenantId,
    billing::gateway::{Currency, Observation, ObservedState},
    customers::CustomerCode,
    identity::SignInMethod,
    platform::PlanKey,
    tenancy::{Feature, Subdomain, TenantSettings},
};
use simpul_event_store::{
    Actor, Command, Context, feed,
    inline::access::{self, TenantAccess},
};
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::world::Side;
use crate::{
    front::{Front, read},
    isolir::hold_a_run,
    operations::STUCK,
    story,
};

/// Switches these features of a tenant on, and the others off.
pub(super) async fn grant(front: &Front, owner: Viewer, features: impl Iterator<Item = Feature>) {
    let store = front.test.store();
    let mut tx = store.db().tenant_tx(owner.tenant).await.expect("tx");
    let access = TenantAccess {
        features: features.map(|feature| feature.as_str().to_owned()).collect(),
        ..TenantAccess::default()
    };
    access::set_tenant(&mut tx, &access).await.expect("set");
    tx.commit().await.expect("commit");
}

/// Gives somebody what runs the platform.
pub(super) async fn permit(front: &Front, operator: Viewer) {
    let permissions: Vec<String> = permission::SUPER_ADMIN
        .iter()
        .map(|&held| held.to_owned())
        .collect();
    let store = front.test.store();
    let mut tx = store.db().tenant_tx(operator.tenant).await.expect("tx");
    access::set_actor(&mut tx, operator.user, &permissions, 1)
        .await
        .expect("set");
    tx.commit().await.expect("commit");
}

pub(super) async fn furnish(front: &Front, owner: Viewer) -> Side {
    let line = story::line(front, owner).await;
    let invoice = story::invoice(front, owner, &line).await["id"].clone();
    let input = json!({
        "kind": "TRIPAY", "mode": "SANDBOX", "merchantCode": "T12345", "apiKey": "DEV-dummy-api-key",
        "signingKey": "dummy-private-key-0001", "fallbackEmail": "tagihan@kayu.test",
    });
    let gateway = front
        .accepted(owner, "gatewayConnect", "gateway { id }", input)
        .await;
    let sender = json!({ "kind": "FONNTE", "device": "0812-1111-2222", "token": "t" });
    let sender = front
        .accepted(owner, "senderConnect", "sender { id }", sender)
        .await;
    let domain = json!({ "name": "tagihan.wifikayu.id" });
    let domain = front
        .accepted(owner, "customDomainRequest", "domain { id }", domain)
        .await;
    let suspend = json!({ "ids": [line.subscription], "reason": "because", "idempotencyKey": "job" });
    let job = front
        .accepted(owner, "subscriptionsSuspend", "job { id }", suspend)
        .await;
    let id = |value: &Value| value.as_str().expect("an id").to_owned();
    let mut side = Side {
        owner,
        customer: front.customer(owner.tenant, &line.customer).await,
        things: BTreeMap::from([
            ("tenant", owner.tenant.to_string()),
            ("plan", id(&line.plan)),
            ("customer", id(&line.customer)),
            ("router", id(&line.router)),
            ("subscription", id(&line.subscription)),
            ("invoice", id(&invoice)),
            ("gateway", id(&gateway["gateway"]["id"])),
            ("domain", id(&domain["domain"]["id"])),
            ("sender", id(&sender["sender"]["id"])),
            ("job", id(&job["job"]["id"])),
        ]),
    };
    side.pay(front).await;
    side.bill(front).await;
    side.hire(front).await;
    hold_a_run(front, owner.tenant, "2026-11-21").await;
    side
}

/// A tenant that the operator, who may do everything, has onboarded by the platform's own log.
pub(super) async fn managed_tenant(front: &Front, operator: Viewer) -> TenantId {
    let (bus, store) = (&front.state.bus, front.test.store());
    simpul_app::platform::found(bus).await.expect("founded");
    let context = Context {
        tenant: TenantId::PLATFORM,
        actor: Actor::User(operator.user),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(store.ids().next()),
        cause: None,
        command_id: store.new_command_id(),
        effective_at: None,
        dry_run: false,
        expected_version: None,
    };
    let open = OpenAccount {
        name: "Wifi Ketiga".to_owned(),
        subdomain: Subdomain::parse("ketiga").expect("a subdomain"),
        plan: PlanKey::parse("basic").expect("a plan"),
        agreed_price: None,
        settings: TenantSettings::default(),
        owner_name: Personal::new("Tiga"),
        owner_email: Personal::new("tiga@ketiga.test"),
    };
    let opened = bus.dispatch(context, open).await.expect("opened");
    for name in ["accounts", "offers"] {
        let read = feed::read_at(&store, TenantId::PLATFORM, &[name], opened.token).await;
        read.expect("caught up").rollback().await.expect("read");
    }
    opened.answer
}

/// A customer of the same provider, who has nothing but an account at the same gateway.
pub(super) async fn sibling(front: &Front, ours: &Side) -> Side {
    let input = json!({ "code": "C-2", "name": "Sari", "phone": "0812-0000-1111" });
    let registered = front
        .accepted(ours.owner, "customerRegister", "customer { id }", input)
        .await;
    let customer = &registered["customer"]["id"];
    Side {
        owner: ours.owner,
        customer: front.customer(ours.owner.tenant, customer).await,
        things: BTreeMap::from([
            ("gateway", ours.thing("gateway")),
            ("tenant", ours.thing("tenant")),
        ]),
    }
}

impl Side {
    async fn dispatch<C: Command>(&self, front: &Front, actor: Actor, command: C) -> C::Answer {
        self.dispatch_in(self.owner.tenant, front, actor, command).await
    }

    async fn dispatch_in<C: Command>(
        &self,
        tenant: TenantId,
        front: &Front,
        actor: Actor,
        command: C,
    ) -> C::Answer {
        let store = front.test.store();
        let context = Context {
            tenant,
            actor,
            impersonator: None,
            ip: None,
            user_agent: None,
            request_id: None,
            correlation: CorrelationId::new(store.ids().next()),
            cause: None,
            command_id: store.new_command_id(),
            effective_at: None,
            dry_run: false,
            expected_version: None,
        };
        let done = front.state.bus.dispatch(context, command).await;
        done.expect("accepted").answer
    }

    /// A bill of the platform, which policies tell the tenant of.
    async fn bill(&mut self, front: &Front) {
        let account = self.owner.tenant;
        let open = OpenTab {
            account,
            code: CustomerCode::parse(&account.to_string().to_uppercase().replace('_', "-")).expect("a code"),
            name: "Wifi Maju".to_owned(),
            since: front.test.store().now() - chrono::TimeDelta::days(40),
            plan: "basic".to_owned(),
            price: Rupiah::try_new(150_000).expect("an amount"),
        };
        let (platform, product) = (TenantId::PLATFORM, Actor::System("walk"));
        self.dispatch_in(platform, front, product.clone(), open).await;
        let bill = self
            .dispatch_in(
                platform,
                front,
                product,
                BillAccount {
                    account,
                    not_before: None,
                },
            )
            .await;
        self.things
            .insert("saasInvoice", bill.expect("a bill").to_string());
    }

    /// A user with a session, a role and a key.
    async fn hire(&mut self, front: &Front) {
        let store = front.test.store();
        grant(front, self.owner, Feature::ALL.iter().copied()).await;
        let id = |value: &Value| value.as_str().expect("an id").to_owned();
        let input = json!({ "email": "siti@kayu.test", "name": "Siti", "roles": ["viewer"] });
        let user = front
            .accepted(self.owner, "userInvite", "user { id }", input)
            .await;
        let input = json!({ "name": "Malam", "permissions": ["ROUTER_READ"] });
        let role = front
            .accepted(self.owner, "roleDefine", "role { id }", input)
            .await;
        let input =
            json!({ "name": "Kasir", "scopes": ["ROUTER_READ"], "expiresAt": "2027-02-01T00:00:00Z" });
        let key = front
            .accepted(self.owner, "apiKeyIssue", "apiKey { id }", input)
            .await;
        let session = StartSession {
            session: SessionId::new(store.ids().next()),
            user: self.owner.user,
            method: SignInMethod::CommandLine,
            impersonator: None,
            impersonator_session: None,
            lifetime_seconds: 3_600,
            refresh: None,
        };
        let started = self.dispatch(front, Actor::System("test"), session).await;
        self.things.extend([
            ("user", id(&user["user"]["id"])),
            ("role", id(&role["role"]["id"])),
            ("apiKey", id(&key["apiKey"]["id"])),
            ("session", started.session.to_string()),
        ]);
    }

    /// A part of the bill.
    async fn pay(&mut self, front: &Front) {
        let open = OpenCheckout {
            invoice: self.thing("invoice").parse().expect("an invoice"),
            gateway: self.thing("gateway").parse().expect("a gateway"),
            channel: "BRIVA".to_owned(),
            payer_fee: Rupiah::ZERO,
            merchant_fee: Rupiah::ZERO,
        };
        let planned = self.dispatch(front, Actor::User(self.owner.user), open).await;
        self.things.insert("attempt", planned.attempt.to_string());
        let observation = Observation {
            provider_ref: "T1".to_owned(),
            order_ref: planned.merchant_ref.as_str().to_owned(),
            state: ObservedState::Paid,
            gross: Rupiah::try_new(50_000).expect("an amount"),
            currency: Currency::Idr,
            payer_fee: None,
            merchant_fee: None,
            given_back: None,
            channel: Some("BRIVA".to_owned()),
            paid_at: Some(front.test.store().now()),
            raw_sha256: "00".repeat(32),
        };
        let book = BookObservation {
            gateway: planned.gateway,
            observation,
            notice: None,
        };
        self.dispatch(front, Actor::System("intake"), book).await;
        self.list(
            front,
            "payment",
            "payments",
            "payments(first: 1) { nodes { id } }",
        )
        .await;
    }

    /// One of each kind of what can be stuck.
    pub(super) async fn stick(&mut self, front: &Front) {
        let mut admin = PgConnection::connect(&front.test.superuser_url())
            .await
            .expect("superuser");
        let tenant = self.owner.tenant.as_uuid().to_string();
        let names = ["deadLetter", "parkedKey", "parcel", "lane", "notice"];
        for ((insert, list, field, ..), name) in STUCK.iter().zip(names) {
            let insert = insert
                .replace("$tenant", &tenant)
                .replace("sub_1", &self.thing("subscription"))
                .replace("some key", &self.thing("invoice"));
            admin.execute(insert.as_str()).await.expect("stuck");
            let data = front
                .data(self.owner, &format!("{{ {list} {{ {field} }} }}"), Value::Null)
                .await;
            let id = data[list][0][field].as_str().expect("an id").to_owned();
            self.things.insert(name, id);
        }
    }

    /// The first of a list.
    pub(super) async fn list(&mut self, front: &Front, name: &'static str, list: &str, query: &str) {
        // A write elsewhere is not waited for by a query without a token.
        let head = feed::head(&front.test.store(), self.owner.tenant)
            .await
            .expect("a head");
        let token = simpul_event_store::ConsistencyToken {
            tenant: self.owner.tenant,
            seq: head,
        };
        let request = Request::post(Surface::Staff.path())
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", front.token(self.owner)),
            )
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-consistency-token", token.to_string())
            .body(Body::from(
                json!({ "query": format!("{{ {query} }}") }).to_string(),
            ))
            .expect("request");
        let (_, answer) = read(front.send(request).await).await;
        let id = answer["data"][list]["nodes"][0]["id"].as_str();
        let id = id.unwrap_or_else(|| panic!("no {list}: {answer}"));
        self.things.insert(name, id.to_owned());
    }
}
