//! What payment gateways send (`facts/integrations.md` 1.2): proven over the raw bytes, stored, answered; read later.
//!
//! INVARIANT: what is authentic is stored before it is answered with 2xx, whatever it says. A 4xx is for an unknown
//! route, a size, a proof or an unreadable body, and leaves a trace without the body.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use aws_lc_rs::digest;
use axum::{
    body::Body,
    extract::{ConnectInfo, Path, State},
    http::{Extensions, HeaderMap, HeaderValue, Request, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use simpul_domain::{
    Code, GatewayId, NoticeId, TenantId,
    ports::{NoticeRejected, RawNotice},
};
use simpul_event_store::inline::{
    directory,
    notice::{self, Notice, Refused},
};

use crate::{
    ApiError, ApiState,
    gateways::OpenGateway,
    http::{BodyError, RequestId, Shared, read_body},
};

/// Largest body of a notice.
pub const MAX_NOTICE_BYTES: usize = 64 * 1024;
/// How long a sender may take to send it.
const READ_DEADLINE: Duration = Duration::from_secs(5);
/// No path of ours is longer.
const MAX_KEY_BYTES: usize = 200;

/// The connection that a path leads to.
#[derive(Debug, Clone)]
struct Connection {
    tenant: TenantId,
    /// As stored with notices: `<gateway>/<connection>`.
    name: String,
    ip: Option<String>,
}

/// `POST /hooks/v1/pay/{gateway}/{connection}/{token}`.
pub(crate) async fn payment_notice(
    State(shared): State<Shared>,
    id: RequestId,
    Path((kind, connection, token)): Path<(String, String, String)>,
    request: Request<Body>,
) -> Response {
    let state = shared.state;
    let (parts, body) = request.into_parts();
    let work = state.clone();
    let ip = sender(&parts.extensions);
    let resolved = state
        .detached(async move { resolve(&work, &kind, &connection, &token, ip).await })
        .await;
    let (connection, gateway) = match resolved {
        Ok(Some(found)) => found,
        Ok(None) => return id.problem(&ApiError::new(Code::NotFound, "There is nothing here")),
        Err(error) => return id.problem(&error),
    };
    let body = read_body(body, MAX_NOTICE_BYTES, READ_DEADLINE).await;
    let work = state.clone();
    let taken = state
        .detached(async move { take(&work, &connection, &gateway, &parts.headers, body).await })
        .await;
    match taken {
        Ok(Answer::Accepted(text)) => accepted(text),
        Ok(Answer::Refused(code)) => id.problem(&ApiError::new(code, "The notice was refused")),
        Ok(Answer::TooSlow) => {
            let mut response = id.problem(&ApiError::new(Code::BadRequest, "The body came too slowly"));
            *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
            response
        }
        Err(error) => id.problem(&error),
    }
}

fn sender(extensions: &Extensions) -> Option<String> {
    let address = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(address.0.ip().to_string())
}

fn accepted(text: &'static str) -> Response {
    let content_type = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// Unknown, disconnected and misspelt paths end alike, after the same lookup.
async fn resolve(
    state: &ApiState,
    kind: &str,
    connection: &str,
    token: &str,
    ip: Option<String>,
) -> Result<Option<(Connection, OpenGateway)>, ApiError> {
    let key = format!("{kind}/{connection}/{token}");
    if key.len() > MAX_KEY_BYTES {
        return Ok(None);
    }
    let mut tx = state.store().db().system_tx().await?;
    let found = directory::resolve(&mut tx, directory::kind::WEBHOOK, &key).await?;
    tx.commit().await?;
    let Some((tenant, target)) = found else {
        tracing::warn!(gateway = kind, sender = ip, "a notice for an unknown connection");
        return Ok(None);
    };
    let gateway: GatewayId = target.parse().map_err(|_| ApiError::internal())?;
    let Some(open) = state.gateways.open(tenant, gateway).await? else {
        return Ok(None);
    };
    let name = format!("{kind}/{gateway}");
    Ok(Some((Connection { tenant, name, ip }, open)))
}

/// What the sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Accepted(&'static str),
    Refused(Code),
    TooSlow,
}

async fn take(
    state: &ApiState,
    connection: &Connection,
    gateway: &OpenGateway,
    headers: &HeaderMap,
    body: Result<Bytes, BodyError>,
) -> Result<Answer, ApiError> {
    let refusal = match body {
        Ok(body) => match prove(gateway, headers, &body) {
            Proof::Authentic { dedup_key } => {
                return store(state, connection, gateway, headers, body, dedup_key).await;
            }
            Proof::Elsewhere => {
                refuse(state, connection, "meant for another account", &body).await?;
                return Ok(Answer::Accepted(gateway.client.accepted_body()));
            }
            Proof::Refused(code, reason) => (Answer::Refused(code), reason, body),
        },
        Err(BodyError::TooLarge(read)) => {
            let answer = Answer::Refused(Code::PayloadTooLarge);
            (answer, "larger than 64 KiB".to_owned(), read)
        }
        Err(BodyError::TooSlow) => (Answer::TooSlow, "sent too slowly".to_owned(), Bytes::new()),
        Err(BodyError::Broken) => {
            let answer = Answer::Refused(Code::BadRequest);
            (answer, "the body broke off".to_owned(), Bytes::new())
        }
    };
    let (answer, reason, read) = refusal;
    refuse(state, connection, &reason, &read).await?;
    Ok(answer)
}

/// What a body turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Proof {
    Authentic {
        dedup_key: String,
    },
    /// Authentic, and about an account that is not this one: nothing to keep.
    Elsewhere,
    Refused(Code, String),
}

fn prove(gateway: &OpenGateway, headers: &HeaderMap, body: &[u8]) -> Proof {
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let raw = RawNotice {
        headers: &headers,
        body,
    };
    match gateway.client.verify_notice(raw) {
        Ok(verified) => Proof::Authentic {
            dedup_key: verified.dedup_key,
        },
        Err(NoticeRejected::OtherAccount) => Proof::Elsewhere,
        // Proven and readable, yet without a field that it should have: kept, so that a person sees it.
        Err(NoticeRejected::Malformed { field })
            if field != "body" && gateway.client.proves_before_reading() =>
        {
            Proof::Authentic {
                dedup_key: hex::encode(sha256(body)),
            }
        }
        Err(error @ NoticeRejected::Malformed { .. }) => Proof::Refused(Code::BadRequest, error.to_string()),
        Err(
            error @ (NoticeRejected::SignatureMissing
            | NoticeRejected::SignatureDuplicated
            | NoticeRejected::SignatureWrong),
        ) => Proof::Refused(Code::Unauthorized, error.to_string()),
    }
}

async fn store(
    state: &ApiState,
    connection: &Connection,
    gateway: &OpenGateway,
    headers: &HeaderMap,
    body: Bytes,
    dedup_key: String,
) -> Result<Answer, ApiError> {
    let kept: BTreeMap<String, String> = gateway
        .client
        .kept_headers()
        .iter()
        .filter_map(|name| Some((*name, headers.get(*name)?.to_str().ok()?)))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let notice = Notice {
        id: NoticeId::new(state.store().ids().next()),
        connection: connection.name.clone(),
        dedup_key,
        body: body.to_vec(),
        headers: kept,
        received_at: state.store().now(),
    };
    let mut tx = state.store().db().tenant_tx(connection.tenant).await?;
    let first = notice::store(&mut tx, &notice).await?;
    tx.commit().await?;
    if first {
        tracing::info!(notice.id = %notice.id, notice.connection = %notice.connection, "a notice was stored");
        state.intake.wake();
    }
    Ok(Answer::Accepted(gateway.client.accepted_body()))
}

async fn refuse(
    state: &ApiState,
    connection: &Connection,
    reason: &str,
    body: &[u8],
) -> Result<(), ApiError> {
    tracing::warn!(notice.connection = %connection.name, reason, "a notice was refused");
    let refused = Refused {
        id: state.store().ids().next(),
        connection: connection.name.clone(),
        reason: reason.to_owned(),
        body_sha256: sha256(body),
        ip: connection.ip.clone(),
        received_at: state.store().now(),
    };
    let mut tx = state.store().db().tenant_tx(connection.tenant).await?;
    notice::refuse(&mut tx, &refused).await?;
    Ok(tx.commit().await?)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}
