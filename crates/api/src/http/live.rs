//! Where live connections are opened: `GET` of a surface's path as a WebSocket, `…/stream` as server-sent events.

use axum::{
    body::Body,
    extract::{
        FromRequestParts as _, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, HeaderValue, Method, Request, header},
    response::Response,
};
use simpul_domain::Code;

use super::{
    Door, RequestId,
    caller::{Origin, consistency_token},
    graphql,
};
use crate::{
    ApiError,
    live::{
        Client,
        socket::{self, MAX_MESSAGE_BYTES, PROTOCOL},
        sse,
    },
};

/// `GET`: a query, or a socket.
pub(super) async fn execute_or_upgrade(
    State(door): State<Door>,
    id: RequestId,
    request: Request<Body>,
) -> Response {
    if !request.headers().contains_key(header::UPGRADE) {
        return graphql::execute(State(door), id, request).await;
    }
    let (mut parts, _) = request.into_parts();
    let origin = Origin::of(&parts.extensions);
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    match open(&door, &id, &parts.headers, origin, upgrade).await {
        Ok(response) => response,
        Err(error) => id.problem(&error),
    }
}

async fn open(
    door: &Door,
    id: &RequestId,
    headers: &HeaderMap,
    origin: Origin,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let shared = &door.shared;
    if let Some(ip) = origin.ip {
        shared.budgets.knock(&shared.state, ip).await?;
    }
    if shared.state.stop.is_cancelled() {
        return Err(ApiError::new(Code::Unavailable, "The server is stopping"));
    }
    let page = headers.get(header::ORIGIN).map(HeaderValue::to_str);
    let page = page.transpose().unwrap_or(Some("unreadable"));
    if page.is_some_and(|page| !shared.pages.iter().any(|allowed| allowed == page)) {
        return Err(ApiError::new(
            Code::Forbidden,
            "Pages of this origin may not open sockets",
        ));
    }
    let upgrade = upgrade
        .map_err(|_| ApiError::new(Code::BadRequest, "This is not the beginning of a WebSocket"))?
        .protocols([PROTOCOL])
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES);
    if upgrade.selected_protocol().is_none() {
        let text = "The subprotocol is graphql-transport-ws";
        return Err(ApiError::new(Code::BadRequest, text));
    }
    let (work, request_id) = (door.clone(), id.as_str().to_owned());
    let tasks = shared.state.tasks.clone();
    Ok(upgrade.on_upgrade(move |socket| tasks.track_future(socket::serve(socket, work, origin, request_id))))
}

/// `GET` and `POST …/stream`.
pub(super) async fn stream(State(door): State<Door>, id: RequestId, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let origin = Origin::of(&parts.extensions);
    let mut touched = None;
    let opened = async {
        if let Some(ip) = origin.ip {
            touched = Some(door.shared.budgets.knock(&door.shared.state, ip).await?);
        }
        let signed_in = door.authenticate(&parts.headers).await?;
        if parts.method == Method::POST {
            graphql::must_be_json(&parts.headers)?;
        }
        let operation = graphql::read_operation(&parts, body).await?;
        if parts.method != Method::POST
            && door
                .engine
                .prepare(operation.clone())
                .is_ok_and(|it| it.is_mutation())
        {
            return Err(ApiError::new(Code::MethodNotAllowed, "Commands are sent by POST"));
        }
        let client = Client {
            signed_in,
            origin: origin.clone(),
            request_id: id.as_str().to_owned(),
            token: consistency_token(&parts.headers)?,
        };
        sse::events(door.clone(), client, operation).await
    };
    let mut response = match opened.await {
        Ok(response) => response,
        Err(error) => id.problem(&error),
    };
    graphql::tell_budget(&mut response, touched);
    graphql::tell_what_differs(&mut response);
    response
}
