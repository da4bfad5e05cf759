//! Whether the process lives, and whether it can do its work.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use simpul_event_store::feed::projection;

use super::Shared;

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process runs and answers. Says nothing about the database: a restart would not help it.
pub(super) async fn alive() -> Response {
    Json(json!({ "status": "alive" })).into_response()
}

/// 200 when requests can be served, else 503; each check by name.
pub(super) async fn ready(State(shared): State<Shared>) -> Response {
    if shared.state.stop.is_cancelled() {
        let body = json!({ "status": "not_ready", "checks": { "server": "stopping" } });
        return (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
    }
    let store = shared.state.store().clone();
    let checked = shared
        .state
        .detached(async move { Ok(projection::versions(store.db()).await?) });
    let reachable = matches!(tokio::time::timeout(PATIENCE, checked).await, Ok(Ok(_)));
    let (status, word, database) = if reachable {
        (StatusCode::OK, "ready", "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready", "unreachable")
    };
    let body = json!({ "status": word, "checks": { "database": database } });
    (status, Json(body)).into_response()
}
