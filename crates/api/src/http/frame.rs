//! Around every answer: a request id in and out, where the request came from, no caching, and a panic that ends one request only.

use std::{any::Any, time::Instant};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tower_http::catch_panic::ResponseForPanic;

use super::{Origin, Shared};
use crate::{ApiError, error::Asker};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID_CHARS: usize = 64;

/// What every answer tells browsers: it is data of one moment, and no page of anybody's.
static GUARDS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Over plain HTTP browsers pass over it. What is below an operator's own domain is none of our business.
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// The id of a request, the client's own if it is plain, else a new one; with the language in which it is answered.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(Asker);

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0.request_id
    }

    /// Whom the answer is for.
    pub(crate) const fn asker(&self) -> &Asker {
        &self.0
    }

    /// Of an answer to whatever was asked.
    pub(super) fn none() -> Self {
        Self(Asker {
            request_id: "unframed".to_owned(),
            ..Asker::unknown()
        })
    }

    fn given(headers: &HeaderMap) -> Option<String> {
        let text = headers.get(REQUEST_ID)?.to_str().ok()?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = (1..=MAX_REQUEST_ID_CHARS).contains(&text.len()) && text.bytes().all(plain);
        fits.then(|| text.to_owned())
    }

    /// An answer that has nothing but an error, with the status of its code.
    pub(crate) fn problem(&self, error: &ApiError) -> Response {
        let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, axum::Json(error.body(&self.0))).into_response();
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Language"));
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        error.write_waits(headers);
        response
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let framed = parts.extensions.get::<Self>().cloned();
        Ok(framed.unwrap_or_else(Self::none))
    }
}

/// Gives the request its id and the answer its headers.
pub(super) async fn frame(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let new_id = || shared.state.store().ids().next().simple().to_string();
    let request_id = RequestId::given(request.headers()).unwrap_or_else(new_id);
    let origin = Origin::read(&shared.proxies, request.headers(), request.extensions());
    let id = RequestId(Asker {
        request_id,
        language: origin.language,
    });
    request.extensions_mut().insert(origin);
    request.extensions_mut().insert(id.clone());
    let (path, began) = (request.uri().path().to_owned(), Instant::now());
    let mut response = next.run(request).await;
    shared
        .state
        .metrics
        .answered(&path, response.status(), began.elapsed());
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
    for (name, value) in &GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What is answered where a handler panicked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panicked;

impl ResponseForPanic for Panicked {
    type ResponseBody = axum::body::Body;

    fn response_for_panic(&mut self, panic: Box<dyn Any + Send + 'static>) -> Response {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        tracing::error!(panic = text.unwrap_or("not a text"), "a handler panicked");
        let body = ApiError::internal().body(&Asker::unknown());
        (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(body)).into_response()
    }
}
