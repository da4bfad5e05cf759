//! The router: every path that the server answers, and the frame around every answer.
//!
//! | path | who |
//! |---|---|
//! | `GET`, `POST /graphql` | staff, bearer token |
//! | `GET /graphql` as a WebSocket, `GET`, `POST /graphql/stream` (server-sent events) | staff, the same token |
//! | `GET /graphql/schema.graphql` | staff, bearer token |
//! | `POST /hooks/v1/pay/{gateway}/{connection}/{token}` | payment gateways, signed |
//! | `POST /hooks/v1/message/{messenger}/{connection}/{token}` | messengers, by the secret in the path |
//! | `GET /health`, `GET /ready` | the machine's operator |
//!
//! The frame gives each request an id, isolates panics, and forbids caches.

mod accept;
mod body;
mod caller;
mod frame;
mod graphql;
mod health;
mod live;
mod status;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    response::Response,
    routing::{any, get, post},
};
use simpul_domain::Code;
use tower_http::catch_panic::CatchPanicLayer;

pub(crate) use self::{
    body::{BodyError, read_body},
    caller::{Origin, SignedIn},
    frame::RequestId,
};
use crate::{
    ApiError, ApiState,
    budget::{Budgets, Limits},
    engine::{Engine, Library, TrustedDocuments},
    graphql::StaffSchema,
    hooks,
    live::{Hub, Sockets},
};

/// Whole operations that take longer are given up (T8).
const OPERATION_DEADLINE: Duration = Duration::from_secs(10);

/// What an installation can choose.
#[derive(Debug, Default)]
pub struct Settings {
    pub limits: Limits,
    /// Documents of our own clients. With none of them every document is as good as another.
    pub documents: TrustedDocuments,
    /// Origins of pages that may open sockets, besides the server's own: `https://panel.example`.
    pub origins: Vec<String>,
}

/// Everything a handler shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) state: ApiState,
    pub(crate) engine: Engine<StaffSchema>,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) sockets: Sockets,
    /// Origins of pages that may open sockets.
    pub(crate) pages: Arc<[String]>,
}

/// The whole front door. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that senders'
/// addresses are known.
pub fn router(state: ApiState, settings: Settings) -> Router {
    let engine = Engine::new(
        crate::graphql::schema(),
        &crate::graphql::sdl(),
        Library::new(settings.documents),
        settings.limits.operation_points.into(),
        OPERATION_DEADLINE,
    );
    let own = state.public_url.origin().ascii_serialization();
    let hub = Hub::new(state.store().clone(), state.tasks.clone(), state.stop.clone());
    let shared = Shared {
        state,
        engine,
        budgets: Arc::new(Budgets::new(settings.limits)),
        hub: Arc::new(hub),
        sockets: Sockets::default(),
        pages: settings.origins.into_iter().chain([own]).collect(),
    };
    Router::new()
        .route(
            "/graphql",
            get(live::execute_or_upgrade)
                .post(graphql::execute)
                .fallback(|id: RequestId| async move { wrong_method(&id, graphql::ALLOWED) }),
        )
        .route(
            "/graphql/stream",
            get(live::stream)
                .post(live::stream)
                .fallback(|id: RequestId| async move { wrong_method(&id, graphql::ALLOWED) }),
        )
        .route(
            "/graphql/schema.graphql",
            get(graphql::schema_document).fallback(|id: RequestId| async move { wrong_method(&id, "GET") }),
        )
        .route(
            "/hooks/v1/pay/{gateway}/{connection}/{token}",
            post(hooks::payment_notice).fallback(|id: RequestId| async move { wrong_method(&id, "POST") }),
        )
        .route(
            "/hooks/v1/message/{messenger}/{connection}/{token}",
            post(hooks::delivery_report).fallback(|id: RequestId| async move { wrong_method(&id, "POST") }),
        )
        .route("/health", get(health::alive))
        .route("/ready", get(health::ready))
        .fallback(any(not_found))
        .layer(CatchPanicLayer::custom(frame::Panicked))
        .layer(axum::middleware::from_fn_with_state(shared.clone(), frame::frame))
        .with_state(shared)
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
