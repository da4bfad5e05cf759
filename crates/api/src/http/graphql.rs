//! GraphQL over HTTP, for each surface alike (`facts/graphql.md` section 5): one operation per request, JSON in, one of two forms out.
//!
//! 401 and 429 are decided before anything is read, but for what is no larger than a stranger may send, and before
//! anything is answered. GET asks and never changes anything; POST takes JSON and nothing
//! that a browser would send without asking first, so that no page can use a member of staff's session.

use std::{sync::Arc, time::Duration};

use async_graphql::parser::types::OperationType;
use axum::{
    body::{Body, HttpBody as _},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use simpul_domain::Code;

use super::{
    BodyError, Door, RequestId,
    accept::{MediaType, is_json, negotiate},
    begun::{Begun, First},
    caller::{Origin, Shown, consistency_token, refused},
    read_body,
    status::status,
};
use crate::{
    ApiError,
    budget::Left,
    engine::{Executed, Operation, Prepared, not_trusted},
    error::write_waits,
    graphql::{Answered, Scope},
    identity::limits,
    surface::Documents,
};

/// Largest request.
const MAX_BODY_BYTES: usize = 1024 * 1024;
const READ_DEADLINE: Duration = Duration::from_secs(10);
/// Largest request of somebody without a token.
const MAX_ANONYMOUS_BYTES: usize = 16 * 1024;
/// Asks for `extensions.cost`.
const COST: HeaderName = HeaderName::from_static("x-graphql-cost");
/// How old the oldest read model was that an operation has read, in milliseconds.
const LAG: HeaderName = HeaderName::from_static("x-consistency-lag-ms");
/// Its methods.
pub(super) const ALLOWED: &str = "GET, POST";

/// `GET` and `POST` of a surface's path.
pub(super) async fn execute(
    State(door): State<Door>,
    id: RequestId,
    request: axum::http::Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut touched = None;
    let mut response = match serve(&door, &id, &parts, body, &mut touched).await {
        Ok(response) => response,
        Err(error) => id.problem(&error),
    };
    tell_budget(&mut response, touched);
    tell_what_differs(&mut response);
    response
}

/// By which headers of the request its answer is another one.
pub(super) fn tell_what_differs(response: &mut Response) {
    let vary = HeaderValue::from_static("Accept, Accept-Language, Authorization");
    response.headers_mut().insert(header::VARY, vary);
}

/// `GET …/schema.graphql`.
pub(super) async fn schema_document(State(door): State<Door>, id: RequestId, headers: HeaderMap) -> Response {
    match door.authenticate(&headers).await {
        Ok(_) => crate::graphql::sdl(door.surface).into_response(),
        Err(error) => id.problem(&error),
    }
}

/// `touched` is the budget that was taken from last.
async fn serve(
    door: &Door,
    id: &RequestId,
    parts: &Parts,
    body: Body,
    touched: &mut Option<Left>,
) -> Result<Response, ApiError> {
    let shared = &door.shared;
    let origin = Origin::of(&parts.extensions);
    if let Some(ip) = origin.ip {
        *touched = Some(shared.budgets.knock(&shared.state, ip).await?);
    }
    if !parts.headers.contains_key(header::AUTHORIZATION) {
        return anonymous(door, id, parts, body, origin).await;
    }
    let shown = door.shown(&parts.headers)?;
    // What is small is read before it is known where the caller stands: then what it does first comes in the same round trip.
    let (mut body, mut early) = (body, None);
    if matches!(shown, Shown::Token(_)) && is_small(parts, &body) {
        early = Some(read(door, parts, std::mem::take(&mut body)).await);
    }
    let token = consistency_token(&parts.headers);
    let first = match (&early, &token) {
        (Some(Ok(Ok(prepared))), Ok(token)) => First::of(prepared, *token),
        _ => First::Unknown,
    };
    let (signed_in, mut begun) = door.let_in(&parts.headers, shown, &first).await?;
    let request = shared.budgets.request(&shared.state, signed_in.viewer);
    *touched = Some(begun.unless_it_takes_time(request).await?);
    if parts.method == Method::POST {
        must_be_json(&parts.headers)?;
    }
    let media = negotiate(&parts.headers).ok_or_else(|| {
        let text = "The answer is application/graphql-response+json or application/json";
        ApiError::new(Code::NotAcceptable, text)
    })?;
    let read = match early {
        Some(read) => read,
        None => read(door, parts, body).await,
    };
    let prepared = match read? {
        Ok(prepared) => prepared,
        Err(error) => return Ok(write(&error.body(id.asker()), media)),
    };
    if parts.method != Method::POST && prepared.kind != OperationType::Query {
        return Ok(not_by_get(id));
    }
    let scope = door.scope(&prepared, &signed_in, id.as_str().to_owned(), token?);
    let scope = Arc::new(scope.sent_by(origin.clone()));
    run(door, (id, parts, origin), (scope, begun), &prepared, media).await
}

/// What is asked for, if the request can be read. It may be a document that is refused.
async fn read(door: &Door, parts: &Parts, body: Body) -> Result<Result<Prepared, ApiError>, ApiError> {
    Ok(door.engine.prepare(read_operation(parts, body).await?))
}

/// Whether as much is sent at most as somebody without a token may send.
fn is_small(parts: &Parts, body: &Body) -> bool {
    let length = body.size_hint().exact();
    parts.method == Method::POST
        && length.is_some_and(|length| length <= MAX_ANONYMOUS_BYTES as u64)
        && must_be_json(&parts.headers).is_ok()
}

async fn run(
    door: &Door,
    (id, parts, origin): (&RequestId, &Parts, Origin),
    (scope, mut begun): (Arc<Scope>, Begun),
    prepared: &Prepared,
    media: MediaType,
) -> Result<Response, ApiError> {
    let admission = begun.unless_it_takes_time(door.admit(prepared, &scope));
    let left = match admission.await {
        Ok(left) => left,
        Err(error) => return Ok(id.answer(&error, media)),
    };
    scope.go_on(begun);
    let visit = door.visit(id.as_str(), Some(scope.viewer().tenant), origin);
    let data = |request: async_graphql::Request| request.data(Arc::clone(&scope)).data(visit);
    let Executed { answered, unused } = door.engine.execute(prepared, id.asker(), data).await?;
    let left = left.with(door.give_back(scope.viewer(), unused));
    let extensions = parts.headers.contains_key(COST).then(|| {
        let limit = door.engine.max_cost();
        let (requested, actual) = (prepared.cost, prepared.cost - unused);
        json!({ "cost": { "requested": requested, "actual": actual, "limit": limit, "reads": scope.reads() } })
    });
    let mut response = respond(answered, extensions, media);
    tell_budget(&mut response, Some(left));
    if let Some(lag) = scope.lag_ms() {
        response.headers_mut().insert(LAG, HeaderValue::from(lag));
    }
    Ok(response)
}

/// An answer with its status, and when to come again if it was too early.
fn respond(answered: Answered, extensions: Option<Value>, media: MediaType) -> Response {
    let (status, facts) = match &answered {
        Answered::Data(_) => (StatusCode::OK, None),
        Answered::Body(body) => {
            let facts = body.pointer("/errors/0/extensions");
            (status(body, media), facts.cloned())
        }
    };
    let mut response = body(status, media, answered.write(extensions));
    write_waits(
        status.as_u16(),
        &facts.unwrap_or_default(),
        response.headers_mut(),
    );
    response
}

/// Somebody without a token gets as far as the few operations that need none, and no further: whatever else is wrong
/// with the request, that is what is said.
async fn anonymous(
    door: &Door,
    id: &RequestId,
    parts: &Parts,
    body: Body,
    origin: Origin,
) -> Result<Response, ApiError> {
    if parts.method != Method::POST || must_be_json(&parts.headers).is_err() {
        return Err(refused());
    }
    let media = negotiate(&parts.headers).ok_or_else(refused)?;
    let body = read_body(body, MAX_ANONYMOUS_BYTES, READ_DEADLINE).await;
    let operation = body.ok().and_then(|body| Operation::from_json(&body).ok());
    let prepared = match door.engine.prepare(operation.ok_or_else(refused)?) {
        Ok(prepared) if prepared.is_public() => prepared,
        Err(error) if error.code == Code::DocumentTooLarge => return Ok(id.answer(&error, media)),
        Ok(_) | Err(_) => return Err(refused()),
    };
    if door.surface.documents() != Documents::Any && door.engine.has_trusted() && !prepared.is_trusted() {
        return Ok(id.answer(&not_trusted(), media));
    }
    let tenant = door.tenant(&parts.headers).await?;
    limits::attempt(&door.shared.state, origin.ip).await?;
    door.count(&prepared, None);
    let visit = door.visit(id.as_str(), tenant, origin);
    let data = |request: async_graphql::Request| request.data(visit);
    let executed = door.engine.execute(&prepared, id.asker(), data).await?;
    Ok(respond(executed.answered, None, media))
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

/// Tells what is left, unless the answer speaks of another budget: the one that refused.
pub(super) fn tell_budget(response: &mut Response, left: Option<Left>) {
    let headers = response.headers_mut();
    if let Some(left) = left.filter(|_| !headers.contains_key("ratelimit-limit")) {
        left.write(headers);
    }
}

impl RequestId {
    /// A refusal of the operation in the form that the client likes.
    fn answer(&self, error: &ApiError, media: MediaType) -> Response {
        let mut response = write(&error.body(self.asker()), media);
        error.write_waits(response.headers_mut());
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
