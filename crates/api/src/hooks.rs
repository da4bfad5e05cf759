//! What payment gateways and messengers send (`facts/integrations.md` 1.2, 7.2): proven over the raw bytes or by the
//! secret in the path, stored, answered; read later.
//!
//! INVARIANT: what is authentic is stored before it is answered with 2xx, whatever it says. A 4xx is for an unknown
//! route, a size, a proof or an unreadable body, and leaves a trace without the body.

use std::{collections::BTreeMap, time::Duration};

use aws_lc_rs::digest;
use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use simpul_adapters::messaging::Fonnte;
use simpul_app::hooks::{self, Reporter};
use simpul_domain::{
    Code, NoticeId, TenantId,
    messaging::sender::MessageSender as _,
    ports::{NoticeRejected, RawNotice},
};
use simpul_event_store::{
    crash::{self, Point},
    inline::{
        directory,
        notice::{self, Notice, Refused},
    },
};

use crate::{
    ApiError, ApiState,
    gateways::OpenGateway,
    http::{BodyError, Origin, RequestId, Shared, read_body},
};

/// Largest body of a notice.
pub const MAX_NOTICE_BYTES: usize = 64 * 1024;
/// How long a sender may take to send it.
const READ_DEADLINE: Duration = Duration::from_secs(5);
/// No path of ours is longer.
const MAX_PATH_BYTES: usize = 200;

/// The connection that a path leads to.
#[derive(Debug, Clone)]
struct Connection {
    tenant: TenantId,
    /// As stored with notices: `<gateway>/<connection>`.
    name: String,
    ip: Option<String>,
}

/// Kind, connection and token of a path.
type Segments = Path<(String, String, String)>;

/// `POST /hooks/v1/pay/{gateway}/{connection}/{token}`.
pub(crate) async fn payment_notice(
    State(shared): State<Shared>,
    id: RequestId,
    segments: Segments,
    request: Request<Body>,
) -> Response {
    receive(&shared.state, id, Reporter::Payment, segments, request).await
}

/// `POST /hooks/v1/message/{messenger}/{connection}/{token}`.
pub(crate) async fn delivery_report(
    State(shared): State<Shared>,
    id: RequestId,
    segments: Segments,
    request: Request<Body>,
) -> Response {
    receive(&shared.state, id, Reporter::Message, segments, request).await
}

async fn receive(
    state: &ApiState,
    id: RequestId,
    reporter: Reporter,
    Path((kind, connection, token)): Segments,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let work = state.clone();
    let ip = Origin::of(&parts.extensions).ip.map(|ip| ip.to_string());
    let resolved = state
        .detached(async move { resolve(&work, reporter, [&kind, &connection, &token], ip).await })
        .await;
    let (connection, account) = match resolved {
        Ok(Some(found)) => found,
        Ok(None) => return id.problem(&ApiError::new(Code::NotFound, "There is nothing here")),
        Err(error) => return id.problem(&error),
    };
    let body = read_body(body, MAX_NOTICE_BYTES, READ_DEADLINE).await;
    let work = state.clone();
    let taken = state
        .detached(async move { take(&work, &connection, &account, &parts.headers, body).await })
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

fn accepted(text: &'static str) -> Response {
    let content_type = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// Unknown, disconnected and misspelt paths end alike, after the same lookup.
async fn resolve(
    state: &ApiState,
    reporter: Reporter,
    [kind, connection, token]: [&str; 3],
    ip: Option<String>,
) -> Result<Option<(Connection, Account)>, ApiError> {
    if kind.len() + connection.len() + token.len() > MAX_PATH_BYTES {
        return Ok(None);
    }
    let key = hooks::key(kind, connection, token);
    let mut tx = state.store().db().system_tx().await?;
    let found = directory::resolve(&mut tx, directory::kind::WEBHOOK, &key).await?;
    tx.commit().await?;
    let Some((tenant, target)) = found else {
        tracing::warn!(kind, sender = ip, "a notice for an unknown connection");
        return Ok(None);
    };
    let name = format!("{kind}/{target}");
    let account = Account::open(state, reporter, tenant, &target).await?;
    Ok(account.map(|account| (Connection { tenant, name, ip }, account)))
}

/// Who reports, ready to prove it.
#[derive(Debug)]
enum Account {
    Gateway(OpenGateway),
    /// It signs nothing: whoever knows the path has proven himself, and must name the device besides.
    Fonnte(Fonnte),
}

impl Account {
    /// Nothing for an account of the other way in: its path is not this one.
    async fn open(
        state: &ApiState,
        reporter: Reporter,
        tenant: TenantId,
        target: &str,
    ) -> Result<Option<Self>, ApiError> {
        match reporter {
            Reporter::Payment => {
                let Ok(gateway) = target.parse() else {
                    return Ok(None);
                };
                Ok(state.gateways.open(tenant, gateway).await?.map(Self::Gateway))
            }
            Reporter::Message => {
                let Ok(sender) = target.parse() else {
                    return Ok(None);
                };
                let opened = state.senders.open(tenant, sender).await.map_err(|error| {
                    tracing::error!(%error, "a connected sender cannot be used");
                    ApiError::internal()
                })?;
                Ok(opened.map(Self::Fonnte))
            }
        }
    }

    /// The key by which a repetition is known.
    fn verify(&self, notice: RawNotice<'_>) -> Result<String, NoticeRejected> {
        match self {
            Self::Gateway(gateway) => Ok(gateway.client.verify_notice(notice)?.dedup_key),
            Self::Fonnte(sender) => sender.verify_notice(notice).map(|_| fingerprint(notice.body)),
        }
    }

    const fn proves_before_reading(&self) -> bool {
        match self {
            Self::Gateway(gateway) => gateway.client.proves_before_reading(),
            Self::Fonnte(_) => true,
        }
    }

    const fn kept_headers(&self) -> &'static [&'static str] {
        match self {
            Self::Gateway(gateway) => gateway.client.kept_headers(),
            Self::Fonnte(_) => &["content-type"],
        }
    }

    const fn accepted_body(&self) -> &'static str {
        match self {
            Self::Gateway(gateway) => gateway.client.accepted_body(),
            Self::Fonnte(_) => r#"{"status":true}"#,
        }
    }
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
    account: &Account,
    headers: &HeaderMap,
    body: Result<Bytes, BodyError>,
) -> Result<Answer, ApiError> {
    let refusal = match body {
        Ok(body) => match prove(account, headers, &body) {
            Proof::Authentic { dedup_key } => {
                return store(state, connection, account, headers, body, dedup_key).await;
            }
            Proof::Elsewhere => {
                refuse(state, connection, "meant for another account", &body).await?;
                return Ok(Answer::Accepted(account.accepted_body()));
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

fn prove(account: &Account, headers: &HeaderMap, body: &[u8]) -> Proof {
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
    match account.verify(raw) {
        Ok(dedup_key) => Proof::Authentic { dedup_key },
        Err(NoticeRejected::OtherAccount) => Proof::Elsewhere,
        // Proven and readable, yet without a field that it should have: kept, so that a person sees it.
        Err(NoticeRejected::Malformed { field }) if field != "body" && account.proves_before_reading() => {
            Proof::Authentic {
                dedup_key: fingerprint(body),
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
    account: &Account,
    headers: &HeaderMap,
    body: Bytes,
    dedup_key: String,
) -> Result<Answer, ApiError> {
    let kept: BTreeMap<String, String> = account
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
    crash::point(Point::NoticeProven);
    let mut tx = state.store().db().tenant_tx(connection.tenant).await?;
    let first = notice::store(&mut tx, &notice).await?;
    tx.commit().await?;
    crash::point(Point::NoticeStored);
    if first {
        tracing::info!(notice.id = %notice.id, notice.connection = %notice.connection, "a notice was stored");
        state.intake.wake();
    }
    Ok(Answer::Accepted(account.accepted_body()))
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

fn fingerprint(body: &[u8]) -> String {
    hex::encode(sha256(body))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}
