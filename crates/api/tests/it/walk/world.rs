//! Two tenants that have one of everything, and whoever asks for it.
#![expect(clippy::panic, reason = "a test that is set up wrongly says what is missing")]

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use simpul_api::{
    BySurface, Settings, Surface, TrustedDocuments,
    auth::Viewer,
    budget::{Limits, Rate},
};
use simpul_app::{
    Personal,
    billing::{BookObservation, OpenCheckout},
    identity::sessions::StartSession,
    permission,
    platform::OpenAccount,
    policies::Policies,
    saas::{BillAccount, OpenTab},
};
use simpul_domain::{
    CorrelationId, Rupiah, SessionId, TenantId, UserId,
    billing::gateway::{Currency, Observation, ObservedState},
    customers::CustomerCode,
    identity::SignInMethod,
    platform::PlanKey,
    tenancy::{Subdomain, TenantSettings},
};
use simpul_event_store::{
    Actor, Command, Context,
    feed::{self, Runner, RunnerSettings},
    inline::access::{self, TenantAccess},
};
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::schema::Operation;
use crate::{
    front::{Front, knock, read},
    operations::STUCK,
    story, surfaces,
};

/// For the first answer of a stream.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct World {
    pub(super) front: Front,
    /// Whose things the others must not get at.
    pub(super) ours: Side,
    neighbour: Side,
    /// Another customer of our tenant.
    sibling: Side,
    operator: Viewer,
}

/// Somebody with one of everything.
pub(super) struct Side {
    owner: Viewer,
    /// The customer whose things they are.
    customer: Viewer,
    things: BTreeMap<&'static str, String>,
}

impl Side {
    /// Whether it is theirs and ours alike.
    pub(super) fn shares(&self, name: &str, id: &str) -> bool {
        self.things.get(name).is_some_and(|own| own == id)
    }

    pub(super) fn thing(&self, name: &str) -> String {
        let id = self.things.get(name);
        id.unwrap_or_else(|| panic!("the world of the walk has no ${name}"))
            .clone()
    }

    pub(super) const fn tenant(&self) -> TenantId {
        self.owner.tenant
    }

    /// Who acts, as the trail names them.
    pub(super) fn user(&self) -> String {
        self.owner.user.to_string()
    }

    pub(super) fn things(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.things.iter().map(|(name, id)| (*name, id.clone()))
    }

    /// An id like that of the thing, of something that nobody has.
    pub(super) fn nobodys(&self, name: &str) -> String {
        let id = self.thing(name);
        let (prefix, rest) = id.split_once('_').expect("an id has a prefix");
        if rest.len() == 26 {
            return format!("{prefix}_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        }
        // Longer ids are made of texts: another end is another text.
        format!("{prefix}_{}", &rest[..rest.len() - 4])
    }
}

fn settings() -> Settings {
    let plenty = Rate {
        capacity: 10_000_000,
        per_minute: 10_000_000,
    };
    let mut limits = Limits {
        address_requests: plenty,
        user_requests: plenty,
        ..Limits::default()
    };
    for surface in Surface::ALL {
        let points = limits.points.of_mut(surface);
        (points.user, points.tenant, points.operation) = (plenty, plenty, 1_000_000);
    }
    Settings {
        limits,
        ..Settings::default()
    }
}

impl World {
    pub(super) async fn open() -> Self {
        let front = Front::with_settings(settings()).await;
        let neighbour = front.neighbour().await;
        let operator = surfaces::operator(&front).await;
        permit(&front, operator).await;
        let mut ours = furnish(&front, front.owner).await;
        let mut neighbour = furnish(&front, neighbour).await;
        let policies = Policies::new(front.state.bus.clone());
        let mut runner = Runner::reactor(front.test.store(), policies, RunnerSettings::default());
        runner.catch_up(|_| ()).await.expect("caught up");
        for side in [&mut ours, &mut neighbour] {
            side.allow_roles(&front).await;
            side.stick(&front).await;
            side.list(
                &front,
                "message",
                "messages",
                "messages(first: 1) { nodes { id } }",
            )
            .await;
        }
        let sibling = sibling(&front, &ours).await;
        let account = managed_tenant(&front, operator).await;
        ours.things.insert("account", account.to_string());
        Self {
            front,
            ours,
            neighbour,
            sibling,
            operator,
        }
    }

    /// Those who ask for our things and are not us.
    pub(super) fn strangers(&self, surface: Surface) -> Vec<&Side> {
        match surface {
            Surface::Staff => vec![&self.neighbour],
            Surface::Portal => vec![&self.neighbour, &self.sibling],
            Surface::Platform => Vec::new(),
        }
    }

    pub(super) fn token(&self, surface: Surface, side: &Side) -> String {
        let viewer = match surface {
            Surface::Staff => side.owner,
            Surface::Portal => side.customer,
            Surface::Platform => self.operator,
        };
        self.front.token_for(surface, viewer)
    }

    /// Of somebody who may do nothing.
    pub(super) async fn lowest(&self, surface: Surface) -> String {
        let viewer = match surface {
            Surface::Staff => self.front.colleague(&[]).await,
            // An account that is nobody's.
            Surface::Portal => self.front.colleague(&[permission::PORTAL]).await,
            Surface::Platform => Viewer {
                user: UserId::new(self.front.test.store().ids().next()),
                tenant: TenantId::PLATFORM,
            },
        };
        self.front.token_for(surface, viewer)
    }

    pub(super) async fn head(&self, side: &Side) -> i64 {
        let store = self.front.test.store();
        feed::head(&store, side.owner.tenant).await.expect("a head")
    }

    /// How far the log of another tenant goes.
    pub(super) async fn neighbours_head(&self) -> i64 {
        self.head(&self.neighbour).await
    }

    /// How far everybody's log goes.
    pub(super) async fn heads(&self) -> [i64; 2] {
        [self.head(&self.ours).await, self.head(&self.neighbour).await]
    }

    /// The answer to an operation; of a stream the first one.
    pub(super) async fn ask(
        &self,
        surface: Surface,
        token: Option<&str>,
        operation: &Operation,
        text: &str,
    ) -> (StatusCode, Value) {
        let path = surface.path();
        let path = if operation.is_stream() {
            format!("{path}/stream")
        } else {
            path.to_owned()
        };
        let mut request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = Body::from(json!({ "query": text }).to_string());
        let request = request.body(body).expect("request");
        let response = match surface {
            // Which documents came with a release is known before the server starts. What a server that ends has taken
            // out of the budgets comes back as time passes.
            Surface::Portal => {
                self.front.test.clock().advance(chrono::TimeDelta::seconds(4));
                knock(&self.front.another_instance(trusting(text)), request).await
            }
            Surface::Staff | Surface::Platform => self.front.send(request).await,
        };
        if operation.is_stream() && response.status() == StatusCode::OK {
            return (StatusCode::OK, first_event(response.into_body()).await);
        }
        read(response).await
    }
}

/// Settings with which a text is one of our own.
fn trusting(text: &str) -> Settings {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let mut portal = TrustedDocuments::default();
    let manifest = json!({ format!("sha256:{}", hex::encode(digest)): text });
    portal.add(&manifest.to_string()).expect("a manifest");
    Settings {
        documents: BySurface {
            portal,
            ..BySurface::default()
        },
        ..settings()
    }
}

async fn first_event(body: Body) -> Value {
    let mut chunks = body.into_data_stream();
    let chunk = tokio::time::timeout(PATIENCE, chunks.next()).await;
    let chunk = chunk
        .expect("an answer in time")
        .expect("an answer")
        .expect("bytes");
    let text = String::from_utf8(chunk.to_vec()).expect("text");
    let data = text.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(data.unwrap_or_else(|| panic!("no data in {text}"))).expect("JSON")
}

/// Gives somebody what runs the platform.
async fn permit(front: &Front, operator: Viewer) {
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

async fn furnish(front: &Front, owner: Viewer) -> Side {
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
    front
        .accepted(owner, "senderConnect", "sender { id }", sender)
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
        ]),
    };
    side.pay(front).await;
    side.bill(front).await;
    side.hire(front).await;
    side
}

/// A tenant that the operator, who may do everything, has onboarded by the platform's own log.
async fn managed_tenant(front: &Front, operator: Viewer) -> TenantId {
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
async fn sibling(front: &Front, ours: &Side) -> Side {
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

    /// Roles of its own are not part of the smallest plan.
    async fn allow_roles(&self, front: &Front) {
        let store = front.test.store();
        let mut tx = store.db().tenant_tx(self.owner.tenant).await.expect("tx");
        let access = TenantAccess {
            features: vec![permission::FEATURE_CUSTOM_ROLES.to_owned()],
            ..TenantAccess::default()
        };
        access::set_tenant(&mut tx, &access).await.expect("set");
        tx.commit().await.expect("commit");
    }

    /// A user with a session, a role and a key.
    async fn hire(&mut self, front: &Front) {
        let store = front.test.store();
        self.allow_roles(front).await;
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
        let observation = Observation {
            provider_ref: "T1".to_owned(),
            order_ref: planned.merchant_ref.as_str().to_owned(),
            state: ObservedState::Paid,
            gross: Rupiah::try_new(50_000).expect("an amount"),
            currency: Currency::Idr,
            payer_fee: None,
            merchant_fee: None,
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
    async fn stick(&mut self, front: &Front) {
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
    async fn list(&mut self, front: &Front, name: &'static str, list: &str, query: &str) {
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
