//! The router: every path that the server answers, and the frame around every answer.
//!
//! | path | who |
//! |---|---|
//! | `GET`, `POST /graphql` | staff, bearer token |
//! | `GET /graphql` as a WebSocket, `GET`, `POST /graphql/stream` (server-sent events) | staff, the same token |
//! | `GET /graphql/schema.graphql` | staff, bearer token |
//! | the same below `/portal` | a tenant's customers; no schema |
//! | the same below `/platform` | those who run the platform |
//! | `POST /hooks/v1/pay/{gateway}/{connection}/{token}` | payment gateways, signed |
//! | `POST /hooks/v1/message/{messenger}/{connection}/{token}` | messengers, by the secret in the path |
//! | `POST /radius/acct` | FreeRADIUS, by a token of its own; nobody without one |
//! | `GET /.well-known/jwks.json` | whoever verifies our tokens |
//! | `GET /health`, `GET /ready` | the machine's operator |
//!
//! The frame gives each request an id, says where it came from, isolates panics, and forbids caches.

pub(crate) mod accept;
mod addresses;
mod begun;
mod body;
mod caller;
mod frame;
mod graphql;
mod health;
mod live;
mod proxies;
mod status;

use std::{ops::Deref, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use simpul_domain::Code;
use tower_http::catch_panic::CatchPanicLayer;

use self::addresses::Addresses;
pub use self::proxies::{Proxies, ProxyHeader};
pub(crate) use self::{
    begun::Begun,
    body::{BodyError, read_body},
    caller::{Origin, SignedIn},
    frame::RequestId,
};
use crate::{
    ApiError, ApiState, BySurface, Surface,
    budget::{Budgets, Limits},
    engine::{Engine, Library, TrustedDocuments},
    graphql::{Served, sdl},
    hooks,
    live::{Hub, Sockets},
    radius::{self, Accounting, Radius},
    surface::{Documents, Introspection},
};

/// What an installation can choose.
#[derive(Debug, Default)]
pub struct Settings {
    pub limits: Limits,
    /// Documents of our own clients. Without any of them the portal answers nothing, and to the staff's surface
    /// every document is as good as another.
    pub documents: BySurface<TrustedDocuments>,
    /// Origins of pages that may open sockets, besides the server's own: `https://panel.example`.
    pub origins: Vec<String>,
    /// Who may say for whom they ask.
    pub proxies: Proxies,
    /// None: nobody tells of sessions here.
    pub radius: Option<Radius>,
}

/// What handlers share.
pub(crate) struct Common {
    pub(crate) state: ApiState,
    pub(crate) budgets: Budgets,
    pub(crate) hub: Arc<Hub>,
    pub(crate) addresses: Addresses,
    pub(crate) sockets: Sockets,
    /// Origins of pages that may open sockets.
    pub(crate) pages: Vec<String>,
    pub(crate) proxies: Proxies,
}

/// Everything that handlers share. One pointer: a request takes a copy in each of its layers.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Common>);

impl Deref for Shared {
    type Target = Common;

    fn deref(&self) -> &Common {
        &self.0
    }
}

/// Everything that the handlers of one surface share.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) shared: Shared,
    pub(crate) surface: Surface,
    pub(crate) engine: Engine<Served>,
}

impl Door {
    fn new(shared: Shared, surface: Surface, documents: TrustedDocuments) -> Self {
        let library = match surface.documents() {
            Documents::TrustedOnly => Library::trusted_only(documents),
            Documents::Any | Documents::TrustedUnlessPermitted => Library::new(documents),
        };
        let max_cost = shared.budgets.operation_points(surface).into();
        let engine = Engine::new(
            Served::new(surface),
            &sdl(surface),
            library,
            max_cost,
            surface.deadline(),
        );
        Self {
            shared,
            surface,
            engine,
        }
    }

    fn routes(self) -> Router {
        let path = self.surface.path();
        let mut routes = Router::new()
            .route(
                path,
                get(live::execute_or_upgrade)
                    .post(graphql::execute)
                    .fallback(|id: RequestId| async move { wrong_method(&id, graphql::ALLOWED) }),
            )
            .route(
                &format!("{path}/stream"),
                get(live::stream)
                    .post(live::stream)
                    .fallback(|id: RequestId| async move { wrong_method(&id, graphql::ALLOWED) }),
            );
        if self.surface.introspection() != Introspection::Never {
            routes = routes.route(
                &format!("{path}/schema.graphql"),
                get(graphql::schema_document)
                    .fallback(|id: RequestId| async move { wrong_method(&id, "GET") }),
            );
        }
        routes.with_state(self)
    }
}

/// The whole front door. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that senders'
/// addresses are known.
pub fn router(state: ApiState, settings: Settings) -> Router {
    let own = state.public_url.origin().ascii_serialization();
    let hub = Hub::new(state.store().clone(), state.tasks.clone(), state.stop.clone());
    let shared = Shared(Arc::new(Common {
        state,
        budgets: Budgets::new(settings.limits),
        hub: Arc::new(hub),
        addresses: Addresses::default(),
        sockets: Sockets::default(),
        pages: settings.origins.into_iter().chain([own]).collect(),
        proxies: settings.proxies,
    }));
    let accounting = settings.radius.map(|radius| {
        Router::new()
            .route(
                "/radius/acct",
                post(radius::account).fallback(|id: RequestId| async move { wrong_method(&id, "POST") }),
            )
            .with_state((shared.clone(), Arc::new(Accounting::new(&radius))))
    });
    let BySurface {
        staff,
        portal,
        platform,
    } = settings.documents;
    let stored = Router::new()
        .route(
            "/hooks/v1/pay/{gateway}/{connection}/{token}",
            post(hooks::payment_notice).fallback(|id: RequestId| async move { wrong_method(&id, "POST") }),
        )
        .route(
            "/hooks/v1/message/{messenger}/{connection}/{token}",
            post(hooks::delivery_report).fallback(|id: RequestId| async move { wrong_method(&id, "POST") }),
        )
        .with_state(shared.clone())
        .merge(Door::new(shared.clone(), Surface::Staff, staff).routes())
        .merge(Door::new(shared.clone(), Surface::Portal, portal).routes())
        .merge(Door::new(shared.clone(), Surface::Platform, platform).routes())
        .merge(accounting.unwrap_or_default())
        .route_layer(middleware::from_fn_with_state(
            shared.clone(),
            while_the_database_answers,
        ));
    Router::new()
        .route("/.well-known/jwks.json", get(jwks))
        .route("/health", get(health::alive))
        .route("/ready", get(health::ready))
        .with_state(shared.clone())
        .merge(stored)
        .fallback(any(not_found))
        .layer(CatchPanicLayer::custom(frame::Panicked))
        .layer(middleware::from_fn_with_state(shared, frame::frame))
}

/// What is answered where there is no room for another connection; `of_address`: for another one of the same address.
pub fn no_room(of_address: bool) -> Response {
    let text = if of_address {
        "There are too many connections from this address"
    } else {
        "There are too many connections"
    };
    RequestId::none().problem(&ApiError::new(Code::Unavailable, text))
}

/// Nobody waits for a database that hangs: 503 within 2 s. What was begun may still have its effect, and is found again
/// by its key.
async fn while_the_database_answers(
    State(shared): State<Shared>,
    id: RequestId,
    request: Request,
    next: Next,
) -> Response {
    let answered = shared.state.store().db().while_it_answers(next.run(request));
    answered
        .await
        .unwrap_or_else(|error| id.problem(&ApiError::from(error)))
}

/// The public halves of the keys that sign tokens; they may be kept for a few minutes.
async fn jwks(State(shared): State<Shared>) -> Response {
    let keys = shared.state.keys.jwks(shared.state.store().now());
    axum::Json(keys).into_response()
}

async fn not_found(id: RequestId) -> Response {
    id.problem(&ApiError::new(Code::NotFound, "There is nothing here"))
}

fn wrong_method(id: &RequestId, allowed: &'static str) -> Response {
    let error = ApiError::new(Code::MethodNotAllowed, format!("Only {allowed} is allowed here"));
    let mut response = id.problem(&error);
    let value = axum::http::HeaderValue::from_static(allowed);
    response.headers_mut().insert(axum::http::header::ALLOW, value);
    response
}
