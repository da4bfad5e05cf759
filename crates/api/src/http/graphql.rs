//! GraphQL over HTTP, for each surface alike (`facts/graphql.md` section 5): one operation per request, JSON in, one of two forms out.
//!
//! 401 and 429 are decided before anything is read. GET asks and never changes anything; POST takes JSON and nothing
//! that a browser would send without asking first, so that no page can use a member of staff's session.

use std::{sync::Arc, time::Duration};

use async_graphql::parser::types::OperationType;
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use simpul_domain::Code;

use super::{
    BodyError, Door, RequestId,
    accept::{MediaType, is_json, negotiate},
    caller::{Origin, consistency_token},
    read_body,
    status::status,
};
use crate::{
    ApiError,
    auth::Viewer,
    budget::Left,
    engine::{Executed, Operation, Prepared},
    graphql::Answered,
};

/// Largest request.
const MAX_BODY_BYTES: usize = 1024 * 1024;
const READ_DEADLINE: Duration = Duration::from_secs(10);
/// Asks for `extensions.cost`.
const COST: HeaderName = HeaderName::from_static("x-graphql-cost");
/// Its methods.
pub(super) const ALLOWED: &str = "GET, POST";

/// `GET` and `POST` of a surface's path.
pub(super) async fn execute(
    State(door): State<Door>,
    id: RequestId,
    request: axum::http::Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match serve(&door, &id, &parts, body).await {
        Ok(response) => response,
        Err(error) => id.problem(&error),
    };
    let vary = HeaderValue::from_static("Accept, Authorization");
    response.headers_mut().insert(header::VARY, vary);
    response
}

/// `GET …/schema.graphql`.
pub(super) async fn schema_document(State(door): State<Door>, id: RequestId, headers: HeaderMap) -> Response {
    match door.authenticate(&headers) {
        Ok(_) => crate::graphql::sdl(door.surface).into_response(),
        Err(error) => id.problem(&error),
    }
}

async fn serve(door: &Door, id: &RequestId, parts: &Parts, body: Body) -> Result<Response, ApiError> {
    let shared = &door.shared;
    let origin = Origin::of(parts);
    if let Some(ip) = origin.ip {
        shared.budgets.knock(ip, shared.state.store().now())?;
    }
    let viewer = door.authenticate(&parts.headers)?.viewer;
    shared.budgets.request(&shared.state, viewer).await?;
    if parts.method == Method::POST {
        must_be_json(&parts.headers)?;
    }
    let media = negotiate(&parts.headers).ok_or_else(|| {
        let text = "The answer is application/graphql-response+json or application/json";
        ApiError::new(Code::NotAcceptable, text)
    })?;
    let operation = read_operation(parts, body).await?;
    let prepared = match door.engine.prepare(operation) {
        Ok(prepared) => prepared,
        Err(error) => return Ok(write(&error.body(id.as_str()), media)),
    };
    if parts.method != Method::POST && prepared.kind != OperationType::Query {
        return Ok(not_by_get(id));
    }
    run(door, id, parts, (viewer, origin), &prepared, media).await
}

async fn run(
    door: &Door,
    id: &RequestId,
    parts: &Parts,
    (viewer, origin): (Viewer, Origin),
    prepared: &Prepared,
    media: MediaType,
) -> Result<Response, ApiError> {
    let token = consistency_token(&parts.headers)?;
    let scope = door.scope(viewer, id.as_str().to_owned(), token).sent_by(origin);
    let scope = Arc::new(scope);
    let left = match door.admit(prepared, &scope).await {
        Ok(left) => left,
        Err(error) => return Ok(id.answer(&error, media)),
    };
    let data = |request: async_graphql::Request| request.data(Arc::clone(&scope));
    let Executed { answered, unused } = door.engine.execute(prepared, id.as_str(), data).await?;
    let left = left.with(door.give_back(viewer, unused));
    let extensions = parts.headers.contains_key(COST).then(|| {
        let limit = door.engine.max_cost();
        let (requested, actual) = (prepared.cost, prepared.cost - unused);
        json!({ "cost": { "requested": requested, "actual": actual, "limit": limit, "reads": scope.reads() } })
    });
    let status = match &answered {
        Answered::Data(_) => StatusCode::OK,
        Answered::Body(body) => status(body, media),
    };
    Ok(with_budget(body(status, media, answered.write(extensions)), left))
}

/// What a page can send to another site without being asked is none of these, so that it cannot use a session. What
/// is compressed is not read: a request has at most 1 MiB, a bomb has more.
pub(super) fn must_be_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let refused = |text| Err(ApiError::new(Code::UnsupportedMediaType, text));
    if !is_json(headers) {
        return refused("The body must be application/json in UTF-8");
    }
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            refused("The body must not be compressed")
        }
        _ => Ok(()),
    }
}

pub(super) async fn read_operation(parts: &Parts, body: Body) -> Result<Operation, ApiError> {
    if parts.method != Method::POST {
        return Operation::from_query(parts.uri.query().unwrap_or_default());
    }
    let body = read_body(body, MAX_BODY_BYTES, READ_DEADLINE)
        .await
        .map_err(|error| match error {
            BodyError::TooLarge(_) => ApiError::new(Code::PayloadTooLarge, "The body is larger than 1 MiB"),
            BodyError::TooSlow | BodyError::Broken => {
                ApiError::new(Code::BadRequest, "The body did not arrive")
            }
        })?;
    Operation::from_json(&body)
}

fn not_by_get(id: &RequestId) -> Response {
    let error = ApiError::new(Code::MethodNotAllowed, "Only queries may be sent by GET");
    let mut response = id.problem(&error);
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

fn with_budget(mut response: Response, left: Left) -> Response {
    left.write(response.headers_mut());
    response
}

impl RequestId {
    /// A refusal of the operation in the form that the client likes.
    fn answer(&self, error: &ApiError, media: MediaType) -> Response {
        let mut response = write(&error.body(self.as_str()), media);
        error.retry_after(response.headers_mut());
        response
    }
}

fn write(answered: &Value, media: MediaType) -> Response {
    body(status(answered, media), media, answered.to_string())
}

fn body(status: StatusCode, media: MediaType, text: impl Into<Body>) -> Response {
    let content_type = HeaderValue::from_static(media.content_type());
    let headers = [(header::CONTENT_TYPE, content_type)];
    (status, headers, text.into()).into_response()
}
