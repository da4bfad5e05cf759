//! The router: every path that the server answers, and the frame around every answer.
//!
//! | path | who |
//! |---|---|
//! | `POST /graphql` | staff, bearer token |
//! | `GET /graphql/schema.graphql` | staff, bearer token |
//! | `POST /hooks/v1/pay/{gateway}/{connection}/{token}` | payment gateways, signed |
//! | `GET /health`, `GET /ready` | the machine's operator |
//!
//! The frame gives each request an id, isolates panics, and forbids caches.

mod accept;
mod body;
mod frame;
mod graphql;
mod health;

use std::sync::Arc;

use axum::{
    Router,
    response::Response,
    routing::{any, get, post},
};
use simpul_domain::Code;
use tower_http::catch_panic::CatchPanicLayer;

pub(crate) use self::{
    body::{BodyError, read_body},
    frame::RequestId,
};
use crate::{
    ApiError, ApiState,
    graphql::{FieldTypes, StaffSchema},
    hooks,
};

/// Everything a handler shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) state: ApiState,
    pub(crate) schema: StaffSchema,
    pub(crate) types: Arc<FieldTypes>,
}

/// The whole front door. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that senders'
/// addresses are known.
pub fn router(state: ApiState) -> Router {
    let shared = Shared {
        schema: crate::graphql::schema(),
        types: Arc::new(FieldTypes::of(&crate::graphql::sdl())),
        state,
    };
    Router::new()
        .route(
            "/graphql",
            post(graphql::execute).fallback(|id: RequestId| async move { wrong_method(&id, "POST") }),
        )
        .route(
            "/graphql/schema.graphql",
            get(graphql::schema_document).fallback(|id: RequestId| async move { wrong_method(&id, "GET") }),
        )
        .route(
            "/hooks/v1/pay/{gateway}/{connection}/{token}",
            post(hooks::payment_notice).fallback(|id: RequestId| async move { wrong_method(&id, "POST") }),
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
