//! GraphQL over HTTP (`facts/graphql.md` section 5): one operation per POST, JSON in, one of two forms out.
//!
//! 401 is decided before anything is parsed. An operation whose `data` is null because one code refused it all has
//! that code's status; with `application/json` a document that does not parse or validate is 200, as old clients
//! expect.

use std::{net::SocketAddr, time::Duration};

use async_graphql::{
    Request, Variables,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument},
    },
};
use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value};
use simpul_domain::Code;
use simpul_event_store::ConsistencyToken;

use super::{
    BodyError, RequestId, Shared,
    accept::{MediaType, is_json, negotiate},
    read_body,
};
use crate::{
    ApiError,
    auth::Viewer,
    graphql::{Executed, Scope, answer},
};

/// Largest request.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Largest document.
const MAX_DOCUMENT_BYTES: usize = 32 * 1024;
const READ_DEADLINE: Duration = Duration::from_secs(10);
/// How long an operation may take (T8).
const OPERATION_DEADLINE: Duration = Duration::from_secs(10);
const CONSISTENCY_TOKEN: &str = "x-consistency-token";
const TENANT: &str = "x-tenant-id";

/// `POST /graphql`.
pub(super) async fn execute(
    State(shared): State<Shared>,
    id: RequestId,
    request: axum::http::Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match serve(&shared, &id, &parts, body).await {
        Ok(response) => response,
        Err(error) => id.problem(&error),
    };
    let vary = HeaderValue::from_static("Accept, Authorization");
    response.headers_mut().insert(header::VARY, vary);
    response
}

/// `GET /graphql/schema.graphql`.
pub(super) async fn schema_document(
    State(shared): State<Shared>,
    id: RequestId,
    headers: HeaderMap,
) -> Response {
    match authenticate(&shared, &headers) {
        Ok(_) => crate::graphql::sdl().into_response(),
        Err(error) => id.problem(&error),
    }
}

async fn serve(shared: &Shared, id: &RequestId, parts: &Parts, body: Body) -> Result<Response, ApiError> {
    let viewer = authenticate(shared, &parts.headers)?;
    if !is_json(&parts.headers) {
        let text = "The body must be application/json in UTF-8";
        return Err(ApiError::new(Code::UnsupportedMediaType, text));
    }
    let media = negotiate(&parts.headers).ok_or_else(|| {
        let text = "The answer is application/graphql-response+json or application/json";
        ApiError::new(Code::NotAcceptable, text)
    })?;
    let body = read_body(body, MAX_BODY_BYTES, READ_DEADLINE)
        .await
        .map_err(|error| match error {
            BodyError::TooLarge(_) => ApiError::new(Code::PayloadTooLarge, "The body is larger than 1 MiB"),
            BodyError::TooSlow | BodyError::Broken => {
                ApiError::new(Code::BadRequest, "The body did not arrive")
            }
        })?;
    let token = token(&parts.headers)?;
    let operation = well_formed(&body)?;
    let answered = match parsed(operation) {
        Ok((request, document)) => {
            let operation_name = request.operation_name.clone();
            let scope = scope(shared, id, parts, viewer, token);
            let run = shared.schema.execute(request.data(scope));
            let Ok(response) = tokio::time::timeout(OPERATION_DEADLINE, run).await else {
                return Err(ApiError::new(
                    Code::Timeout,
                    "The operation took longer than 10 seconds",
                ));
            };
            let executed = Executed {
                types: &shared.types,
                document: &document,
                operation_name: operation_name.as_deref(),
            };
            answer(response, executed, id.as_str())
        }
        Err(error) => error.body(id.as_str()),
    };
    Ok(write(&answered, media))
}

/// Whom the bearer token names. The tenant comes from the token; the header may only repeat it.
fn authenticate(shared: &Shared, headers: &HeaderMap) -> Result<Viewer, ApiError> {
    let refused = || ApiError::new(Code::Unauthorized, "A valid bearer token is needed");
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(refused());
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused());
    }
    let now = shared.state.store().now();
    let viewer = shared.state.keys.verify(token.trim(), now).map_err(|error| {
        tracing::info!(%error, "a token was refused");
        refused()
    })?;
    match headers.get(TENANT) {
        Some(named) if named.as_bytes() != viewer.tenant.to_string().as_bytes() => Err(ApiError::new(
            Code::TenantMismatch,
            "The token belongs to another tenant than X-Tenant-ID",
        )),
        _ => Ok(viewer),
    }
}

/// Of several tokens the newest counts; one of another tenant is refused when it is used.
fn token(headers: &HeaderMap) -> Result<Option<ConsistencyToken>, ApiError> {
    let mut newest: Option<ConsistencyToken> = None;
    for value in headers.get_all(CONSISTENCY_TOKEN) {
        let text = value.to_str().unwrap_or_default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let token: ConsistencyToken = part
                .parse()
                .map_err(|_| ApiError::new(Code::BadRequest, "X-Consistency-Token is not a token of ours"))?;
            newest = newest.filter(|known| known.seq >= token.seq).or(Some(token));
        }
    }
    Ok(newest)
}

fn scope(
    shared: &Shared,
    id: &RequestId,
    parts: &Parts,
    viewer: Viewer,
    token: Option<ConsistencyToken>,
) -> Scope {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let user_agent = parts.headers.get(header::USER_AGENT);
    Scope::new(shared.state.clone(), viewer, id.as_str().to_owned(), token).sent_by(
        address.map(|address| address.0.ip()),
        user_agent
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
    )
}

/// What a request asks for, before its document is looked at.
#[derive(Debug)]
struct Operation {
    query: String,
    name: Option<String>,
    variables: Value,
}

fn well_formed(body: &Bytes) -> Result<Operation, ApiError> {
    let bad = |text: &str| ApiError::new(Code::BadRequest, text);
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Err(bad("The body is not JSON"));
    };
    let Value::Object(mut map) = value else {
        return Err(bad(
            "The body must be one JSON object; several operations at once are not allowed",
        ));
    };
    let Some(Value::String(query)) = map.remove("query") else {
        return Err(bad("query must be a text"));
    };
    let name = match map.remove("operationName") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => return Err(bad("operationName must be a text")),
    };
    let variables = match map.remove("variables") {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(variables @ Value::Object(_)) => variables,
        Some(_) => return Err(bad("variables must be an object")),
    };
    match map.get("extensions") {
        None | Some(Value::Null | Value::Object(_)) => Ok(Operation {
            query,
            name,
            variables,
        }),
        Some(_) => Err(bad("extensions must be an object")),
    }
}

fn parsed(operation: Operation) -> Result<(Request, ExecutableDocument), ApiError> {
    if operation.query.len() > MAX_DOCUMENT_BYTES {
        return Err(ApiError::new(
            Code::DocumentTooLarge,
            "The document is larger than 32 KiB",
        ));
    }
    let document = parse_query(&operation.query)
        .map_err(|error| ApiError::new(Code::GraphqlParseFailed, error.to_string()))?;
    let determined = match (&document.operations, &operation.name) {
        (DocumentOperations::Single(_), None) => true,
        (DocumentOperations::Multiple(operations), None) => operations.len() == 1,
        (DocumentOperations::Single(_), Some(_)) => false,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.contains_key(name.as_str()),
    };
    if !determined {
        let text = "operationName does not name one operation of the document";
        return Err(ApiError::new(Code::OperationResolutionFailure, text));
    }
    let mut request = Request::new(operation.query).variables(Variables::from_json(operation.variables));
    if let Some(name) = operation.name {
        request = request.operation_name(name);
    }
    request.set_parsed_query(document.clone());
    Ok((request, document))
}

/// One table for the status (`facts/graphql.md` 5.2, DESIGN section 10).
fn status(answered: &Value, media: MediaType) -> StatusCode {
    let refused_whole = answered.get("data").is_none_or(Value::is_null);
    let codes = answered
        .get("errors")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let code_of = |error: &Value| {
        let text = error.pointer("/extensions/code")?.as_str()?;
        Code::ALL.iter().copied().find(|code| code.as_str() == text)
    };
    let Some(first) = codes.first().and_then(code_of) else {
        return StatusCode::OK;
    };
    let one_code = codes.iter().all(|error| code_of(error) == Some(first));
    let before_execution = matches!(
        first,
        Code::GraphqlParseFailed
            | Code::GraphqlValidationFailed
            | Code::OperationResolutionFailure
            | Code::DocumentTooLarge
            | Code::CostLimitExceeded
    );
    if !refused_whole || !one_code || (before_execution && media == MediaType::Json) {
        return StatusCode::OK;
    }
    StatusCode::from_u16(first.http_status()).unwrap_or(StatusCode::OK)
}

fn write(answered: &Value, media: MediaType) -> Response {
    let content_type = HeaderValue::from_static(media.content_type());
    let headers = [(header::CONTENT_TYPE, content_type)];
    (status(answered, media), headers, answered.to_string()).into_response()
}
