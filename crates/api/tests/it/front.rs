//! A tenant with its owner behind a front door, and how to knock.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode, header},
};
use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use simpul_adapters::{
    bus::consumer::Replays,
    egress::{Egress, Policy},
    provisioning::Provisioning,
    work_loop::Wake,
};
use simpul_api::{
    ApiState, Parts, Settings, Surface,
    auth::{Keys, Viewer},
    gateways::StoredGateways,
    identity::{Identity, IdentitySettings},
    metrics::Metrics,
    repairs::Repairs,
    senders::StoredSenders,
    usage::FieldUsage,
};
use simpul_app::{
    identity::{
        Hasher, Peppers,
        letters::{self, Content},
        password::Algorithm,
    },
    permission,
    tenancy::OnboardTenant,
};
use simpul_domain::{
    CorrelationId, SessionId, TenantId, UserId,
    identity::LetterKind,
    tenancy::{Entitlements, Subdomain, TenantSettings},
};
use simpul_event_store::{
    Actor, Bus, Command, Context, EventStore, Upcasters,
    feed::RunnerSettings,
    inline::{access, identity::letter},
};
use simpul_projections::registry;
use simpul_testkit::TestDb;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;
use url::Url;
use uuid::Uuid;

use crate::blame;

pub(crate) const KEY: &str = include_str!("test-key.pem");
pub(crate) const ISSUER: &str = "https://simpul.test";

/// Passwords of tests are hashed quickly.
const CHEAP: Algorithm = Algorithm::Bcrypt { cost: 4 };

/// What was written to users of a tenant and waits to be sent.
pub(crate) struct Letters {
    store: EventStore,
    superuser_url: String,
    tenant: TenantId,
}

impl Letters {
    /// Every letter, oldest first, opened.
    pub(crate) async fn all(&self) -> Vec<(LetterKind, Content)> {
        let mut admin = simpul_testkit::sql::Session::open(&self.superuser_url).await;
        let ids: Vec<Uuid> = admin
            .column(&format!(
                "SELECT letter_id FROM es.letters WHERE tenant_id = '{}' ORDER BY made_at, letter_id",
                self.tenant.as_uuid()
            ))
            .await;
        let mut tx = self.store.db().tenant_tx(self.tenant).await.expect("tx");
        let mut opened = Vec::new();
        for id in ids {
            let letter = letter::find(&mut tx, id).await.expect("read").expect("a letter");
            let content = letters::open(&self.store, &mut tx, &letter)
                .await
                .expect("opened");
            opened.push((letter.kind, content));
        }
        tx.commit().await.expect("commit");
        opened
    }

    /// Those of another tenant.
    pub(crate) fn of(&self, tenant: TenantId) -> Self {
        Self {
            store: self.store.clone(),
            superuser_url: self.superuser_url.clone(),
            tenant,
        }
    }

    pub(crate) async fn count(&self) -> usize {
        self.all().await.len()
    }

    /// The secret of the newest letter of a kind to an address, once there is one.
    pub(crate) async fn secret_of(&self, kind: LetterKind, to: &str) -> String {
        let mut found = None;
        for _ in 0..400 {
            let letters = self.all().await;
            let mut newest = letters.iter().rev();
            let letter = newest.find(|(of, content)| *of == kind && content.to.as_str() == to);
            found = letter.and_then(|(_, content)| content.secret.clone());
            if found.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        found.expect("a letter in time").as_str().to_owned()
    }

    /// The secret of the newest invitation to an address.
    pub(crate) async fn secret(&self, to: &str) -> String {
        self.secret_of(LetterKind::Invitation, to).await
    }
}

/// The front door over a database of its own. Read models follow the log while it lives.
pub(crate) struct Front {
    pub(crate) test: TestDb,
    pub(crate) state: ApiState,
    pub(crate) router: Router,
    /// The first tenant and its owner.
    pub(crate) owner: Viewer,
    /// What was sent to users.
    pub(crate) letters: Letters,
    /// Who has a session already.
    seated: Mutex<HashSet<UserId>>,
    stop: CancellationToken,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn keys(pem: &str) -> Keys {
    Keys::from_pem(&SecretString::from(pem), ISSUER).expect("a key")
}

fn process(bus: Bus, stand_in: Option<Url>, identity: IdentitySettings) -> ApiState {
    let store = bus.store().clone();
    let egress = Egress::new(Policy::development()).expect("a guard");
    let gateways = StoredGateways::new(store.clone(), egress.clone(), stand_in);
    let senders = StoredSenders::new(store.clone(), egress, None);
    let consumer = Arc::new(Provisioning::new(store.clone(), Wake::default()));
    ApiState::from(Parts {
        repairs: Repairs::new(bus.clone(), Replays::new(store).with(consumer)),
        bus,
        keys: Arc::new(keys(KEY)),
        identity: Identity {
            hasher: Hasher::start(CHEAP, Peppers::default()).expect("threads"),
            settings: identity,
        },
        gateways: Arc::new(gateways),
        senders,
        intake: Wake::default(),
        public_url: Url::parse("https://hooks.simpul.test/").expect("url"),
        metrics: Metrics::default(),
        usage: FieldUsage::default(),
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
    })
}

impl Front {
    pub(crate) async fn open() -> Self {
        Self::with(None, Settings::default()).await
    }

    /// With a stand-in in place of Tripay.
    pub(crate) async fn with_gateways_at(stand_in: Option<Url>) -> Self {
        Self::with(stand_in, Settings::default()).await
    }

    pub(crate) async fn with_settings(settings: Settings) -> Self {
        Self::with(None, settings).await
    }

    async fn with(stand_in: Option<Url>, settings: Settings) -> Self {
        Self::with_identity(stand_in, settings, IdentitySettings::default()).await
    }

    pub(crate) async fn with_identity(
        stand_in: Option<Url>,
        settings: Settings,
        identity: IdentitySettings,
    ) -> Self {
        let test = TestDb::create().await;
        let bus = test.bus();
        let state = process(bus.clone(), stand_in, identity);
        let stop = state.stop.clone();
        state.tasks.spawn(registry::supervise(
            test.store(),
            RunnerSettings::default(),
            stop.clone(),
        ));
        let owner = onboard(&bus, "kayu-net").await;
        let letters = Letters {
            store: test.store(),
            superuser_url: test.superuser_url(),
            tenant: owner.tenant,
        };
        Self {
            router: simpul_api::router(state.clone(), settings),
            test,
            state,
            owner,
            letters,
            seated: Mutex::default(),
            stop,
        }
    }

    /// Another tenant, with its owner.
    pub(crate) async fn neighbour(&self) -> Viewer {
        onboard(&self.state.bus, "batu-net").await
    }

    /// A member of the first tenant's staff with these permissions only.
    pub(crate) async fn colleague(&self, permissions: &[&str]) -> Viewer {
        let user = UserId::new(self.test.store().ids().next());
        let held: Vec<String> = permissions.iter().map(|&held| held.to_owned()).collect();
        let store = self.test.store();
        let mut tx = store.db().tenant_tx(self.owner.tenant).await.expect("tx");
        access::set_actor(&mut tx, user, &held, 1).await.expect("set");
        tx.commit().await.expect("commit");
        Viewer {
            user,
            tenant: self.owner.tenant,
        }
    }

    /// The account of a customer, for the portal.
    pub(crate) async fn customer(&self, tenant: TenantId, customer: &Value) -> Viewer {
        let user = UserId::new(self.test.store().ids().next());
        let customer = customer.as_str().and_then(|id| id.parse().ok());
        let store = self.test.store();
        let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
        let held = [permission::PORTAL.to_owned(), permission::ACCOUNT_OWN.to_owned()];
        access::set_actor(&mut tx, user, &held, 1).await.expect("set");
        access::link_customer(&mut tx, user, customer)
            .await
            .expect("linked");
        tx.commit().await.expect("commit");
        Viewer { user, tenant }
    }

    /// A token for the staff's surface.
    pub(crate) fn token(&self, viewer: Viewer) -> String {
        self.token_for(Surface::Staff, viewer)
    }

    pub(crate) fn token_for(&self, surface: Surface, viewer: Viewer) -> String {
        let now = self.state.store().now();
        let seated = (viewer, self.seat(viewer));
        let token = self.state.keys.mint(surface, seated, now, TimeDelta::hours(1));
        token.expect("a token").expose_secret().to_owned()
    }

    /// A session of the viewer that goes on. A row and no event, so that logs begin where tests expect it.
    fn seat(&self, viewer: Viewer) -> SessionId {
        let (url, session) = (self.test.superuser_url(), viewer.user.as_uuid());
        if !self.seated.lock().expect("lock").insert(viewer.user) {
            return SessionId::new(session);
        }
        let row = format!(
            "INSERT INTO es.sessions (tenant_id, session_id, user_id, method, started_at, last_used_at, expires_at)
             VALUES ('{}', '{session}', '{session}', 'command_line', '{now}', '{now}', '2100-01-01')",
            viewer.tenant.as_uuid(),
            now = self.state.store().now().to_rfc3339()
        );
        // Asked for in the middle of anything: another thread has its own runtime.
        let seated = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                simpul_testkit::sql::Session::open(&url)
                    .await
                    .run(&row)
                    .await
                    .expect("a session");
            });
        });
        seated.join().expect("seated");
        SessionId::new(session)
    }

    /// A command of the product itself in a tenant's log.
    pub(crate) async fn carry_out<C: Command>(&self, tenant: TenantId, command: C) -> C::Answer {
        let store = self.test.store();
        let context = product(&store, tenant);
        let done = self.state.bus.dispatch(context, command).await;
        done.expect("accepted").answer
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        knock(&self.router, request).await
    }

    /// A second process over the same database.
    pub(crate) fn another_instance(&self, settings: Settings) -> Router {
        simpul_api::router(self.state.clone(), settings)
    }

    /// Another process of the same installation.
    pub(crate) fn another_process(&self) -> ApiState {
        let bus = Bus::new(self.test.another_store(Upcasters::default()));
        process(bus, None, IdentitySettings::default())
    }

    /// One operation, with its answer's status and body.
    pub(crate) async fn ask(&self, viewer: Viewer, query: &str, variables: Value) -> (StatusCode, Value) {
        let request = Request::post("/graphql")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token(viewer)))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(
                json!({ "query": query, "variables": variables }).to_string(),
            ))
            .expect("request");
        read(self.send(request).await).await
    }

    /// The data of an operation that must not have errors.
    pub(crate) async fn data(&self, viewer: Viewer, query: &str, variables: Value) -> Value {
        let (status, mut body) = self.ask(viewer, query, variables).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert!(body.get("errors").is_none(), "{body}");
        body["data"].take()
    }

    /// A mutation that must be accepted; its payload.
    pub(crate) async fn accepted(&self, viewer: Viewer, mutation: &str, entity: &str, input: Value) -> Value {
        let payload = self.payload(viewer, mutation, entity, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{mutation}: {payload}");
        assert!(payload["consistencyToken"].is_string(), "{mutation}: {payload}");
        payload
    }

    /// A mutation's payload.
    pub(crate) async fn payload(&self, viewer: Viewer, mutation: &str, entity: &str, input: Value) -> Value {
        let mut data = self
            .data(viewer, &document(mutation, entity), json!({ "input": input }))
            .await;
        data[mutation].take()
    }
}

pub(crate) async fn knock(router: &Router, request: Request<Body>) -> Response<Body> {
    router.clone().oneshot(request).await.expect("infallible")
}

/// A mutation with everything that a payload has.
pub(crate) fn document(mutation: &str, entity: &str) -> String {
    let name = mutation[..1].to_uppercase() + &mutation[1..];
    format!(
        "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{
            {entity} userErrors {{ code message path params }} consistencyToken }} }}"
    )
}

pub(crate) async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("body");
    let answer = serde_json::from_slice(&bytes).expect("JSON");
    blame::must_name_fields(&answer);
    (status, answer)
}

/// The frame of a command of the product itself.
pub(crate) fn product(store: &EventStore, tenant: TenantId) -> Context {
    Context {
        tenant,
        actor: Actor::System("test"),
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
    }
}

async fn onboard(bus: &Bus, subdomain: &str) -> Viewer {
    let ids = bus.store().ids();
    let (tenant, owner) = (TenantId::new(ids.next()), UserId::new(ids.next()));
    let context = product(bus.store(), tenant);
    let command = OnboardTenant {
        name: subdomain.to_owned(),
        subdomain: Subdomain::parse(subdomain).expect("subdomain"),
        settings: TenantSettings::default(),
        owner,
        invitation: None,
        entitlements: Entitlements::unlimited(),
    };
    bus.dispatch(context, command).await.expect("onboarded");
    Viewer { user: owner, tenant }
}
