//! `POST /radius/acct`: what FreeRADIUS hands over of what routers tell (`facts/network.md` 3.1 to 3.7).
//!
//! Who asks is FreeRADIUS, by a token that is configuration; without one the path does not exist. Whose record it is, is the
//! name of the client in FreeRADIUS' own configuration, `<tenant>/<router>`: never anything that is in the packet.
//!
//! INVARIANT: a record is in the database before it is answered with 204. What is no record, or of nobody here, is answered
//! with 400 and must not come again; anything else may, and does: FreeRADIUS keeps it on its disk until then (ADR 73).

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::{constant_time, digest};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Request, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use simpul_adapters::radius::{Batcher, Full, Packet, Rubbish, SessionPacket, decode};
use simpul_app::{
    Personal, Refusal,
    accounting::{RecordAccounting, SessionTold, Taken, Told, What},
};
use simpul_domain::{Code, CorrelationId, RouterId, TenantId};
use simpul_event_store::{Actor, Bus, Context, DispatchError};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    ApiError,
    http::{BodyError, RequestId, Shared, read_body},
};

/// FreeRADIUS itself sends no more than 8 KiB.
const MAX_BODY_BYTES: usize = 16 * 1024;
const READ_DEADLINE: Duration = Duration::from_secs(2);
/// Records of one transaction.
const BATCH: usize = 500;
/// Records of one tenant that may wait for theirs; FreeRADIUS keeps what is more.
const WAITING: usize = 2_000;
/// Who acts, in the log.
const PART: &str = "radius";

/// What an installation that takes accounting has chosen.
#[derive(Debug)]
pub struct Radius {
    /// What FreeRADIUS proves itself with.
    pub token: SecretString,
    /// How often routers tell of a session.
    pub interim_seconds: u32,
}

/// Takes records, those of a tenant that come together in one transaction.
pub(crate) struct Accounting {
    /// SHA-256 of the token: what is compared has one length.
    token: [u8; 32],
    interim_seconds: u32,
    batcher: Mutex<Batcher<TenantId, Waiting>>,
}

impl fmt::Debug for Accounting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounting").finish_non_exhaustive()
    }
}

/// A record and who waits for what becomes of it.
#[derive(Debug)]
struct Waiting {
    told: Told,
    answer: oneshot::Sender<Result<Taken, ApiError>>,
}

/// Where a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Client {
    tenant: TenantId,
    router: RouterId,
}

impl Accounting {
    pub(crate) fn new(settings: &Radius) -> Self {
        Self {
            token: sha256(settings.token.expose_secret().as_bytes()),
            interim_seconds: settings.interim_seconds,
            batcher: Mutex::new(Batcher::new(BATCH, WAITING)),
        }
    }

    fn believes(&self, headers: &HeaderMap) -> bool {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        token.is_some_and(|token| {
            constant_time::verify_slices_are_equal(&self.token, &sha256(token.as_bytes())).is_ok()
        })
    }

    fn arrive(&self, tenant: TenantId, waiting: Waiting) -> Result<Option<Vec<Waiting>>, Full> {
        let mut batcher = self.batcher.lock().unwrap_or_else(PoisonError::into_inner);
        batcher.arrive(tenant, waiting)
    }

    fn done(&self, tenant: TenantId) -> Option<Vec<Waiting>> {
        let mut batcher = self.batcher.lock().unwrap_or_else(PoisonError::into_inner);
        batcher.done(&tenant)
    }

    /// Runs a batch, and those that come meanwhile.
    async fn run(&self, bus: &Bus, tenant: TenantId, batch: Vec<Waiting>) {
        let mut under_way = UnderWay {
            of: self,
            tenant: Some(tenant),
        };
        self.take(bus, tenant, batch).await;
        while let Some(next) = self.done(tenant) {
            self.take(bus, tenant, next).await;
        }
        under_way.tenant = None;
    }

    /// A batch that fails by a fault is taken apart, so that a record nobody can take takes no other with it.
    async fn take(&self, bus: &Bus, tenant: TenantId, batch: Vec<Waiting>) {
        let (records, answers): (Vec<Told>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.told, waiting.answer))
            .unzip();
        match self.record(bus, tenant, records.clone()).await {
            Ok(taken) => {
                for (answer, taken) in answers.into_iter().zip(taken) {
                    // Who has gone away comes again, and it is a repeat then.
                    let _ = answer.send(Ok(taken));
                }
            }
            Err(error) if records.len() > 1 && is_fault(&error) => {
                for (told, answer) in records.into_iter().zip(answers) {
                    let taken = self.record(bus, tenant, vec![told]).await;
                    let taken = taken.map(|taken| taken.first().copied().unwrap_or(Taken::UnknownRouter));
                    let _ = answer.send(taken.map_err(|error| public(&error)));
                }
            }
            Err(error) => {
                let error = public(&error);
                for answer in answers {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }

    async fn record(
        &self,
        bus: &Bus,
        tenant: TenantId,
        records: Vec<Told>,
    ) -> Result<Vec<Taken>, DispatchError<Refusal>> {
        let command_id = bus.store().new_command_id();
        let context = Context {
            tenant,
            actor: Actor::System(PART),
            impersonator: None,
            ip: None,
            user_agent: None,
            request_id: None,
            correlation: CorrelationId::new(command_id.as_uuid()),
            cause: None,
            command_id,
            effective_at: None,
            dry_run: false,
            expected_version: None,
        };
        let command = RecordAccounting {
            interim_seconds: self.interim_seconds,
            records,
        };
        Ok(bus.dispatch(context, command).await?.answer)
    }
}

/// A tenant's batches, until they are over. If they break off, whoever waits behind them is answered with an error, and the
/// next packet begins anew.
struct UnderWay<'a> {
    of: &'a Accounting,
    tenant: Option<TenantId>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(tenant) = self.tenant {
            let mut batcher = self.of.batcher.lock().unwrap_or_else(PoisonError::into_inner);
            batcher.broke_off(&tenant);
        }
    }
}

/// Whether waiting does not cure it.
const fn is_fault(error: &DispatchError<Refusal>) -> bool {
    match error {
        DispatchError::Store(error) => !error.is_transient(),
        DispatchError::NoTenant => false,
        DispatchError::Refused(_)
        | DispatchError::PanelLocked
        | DispatchError::FeatureDisabled(_)
        | DispatchError::Forbidden(_)
        | DispatchError::KeyReused => true,
    }
}

/// What FreeRADIUS is told: that it should not come again only where that would be in vain.
fn public(error: &DispatchError<Refusal>) -> ApiError {
    match error {
        DispatchError::NoTenant => nobody(),
        error => {
            let public = ApiError::from_coded(error);
            match public.code {
                Code::InternalError | Code::Unavailable | Code::StorageFull => public,
                code => {
                    tracing::warn!(%error, code = code.as_str(), "an accounting record was not taken");
                    ApiError::new(Code::Unavailable, "The record could not be taken now")
                }
            }
        }
    }
}

fn nobody() -> ApiError {
    invalid("X-Radius-Client", "There is no such router")
}

fn invalid(field: &str, message: &str) -> ApiError {
    ApiError {
        params: json!({ "field": field }),
        ..ApiError::new(Code::ValidationError, message)
    }
}

/// `POST /radius/acct`.
pub(crate) async fn account(
    State((shared, accounting)): State<(Shared, Arc<Accounting>)>,
    id: RequestId,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    if !accounting.believes(&parts.headers) {
        return id.problem(&ApiError::new(Code::Unauthorized, "The token is not valid"));
    }
    let read = match read_body(body, MAX_BODY_BYTES, READ_DEADLINE).await {
        Ok(body) => told(&parts.headers, &body, shared.state.store().now()),
        Err(BodyError::TooLarge(_)) => {
            let large = ApiError::new(Code::PayloadTooLarge, "The body is larger than 16 KiB");
            return id.problem(&large);
        }
        Err(BodyError::TooSlow | BodyError::Broken) => {
            return id.problem(&ApiError::new(Code::Unavailable, "The body broke off"));
        }
    };
    let (tenant, told) = match read {
        Ok(Some(told)) => told,
        Ok(None) => return StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            tracing::warn!(reason = error.message, "an accounting record was refused");
            return id.problem(&error);
        }
    };
    match take(&shared, &accounting, tenant, told).await {
        Ok(Taken::Taken) => StatusCode::NO_CONTENT.into_response(),
        Ok(Taken::UnknownRouter) => {
            tracing::warn!(%tenant, "an accounting record of an unknown router was refused");
            id.problem(&nobody())
        }
        Err(error) => id.problem(&error),
    }
}

async fn take(
    shared: &Shared,
    accounting: &Arc<Accounting>,
    tenant: TenantId,
    told: Told,
) -> Result<Taken, ApiError> {
    let (answer, taken) = oneshot::channel();
    match accounting.arrive(tenant, Waiting { told, answer }) {
        Ok(Some(batch)) => {
            let (accounting, bus) = (Arc::clone(accounting), shared.state.bus.clone());
            // It ends even if its client goes away: others wait for it.
            shared
                .state
                .tasks
                .spawn(async move { accounting.run(&bus, tenant, batch).await });
        }
        Ok(None) => {}
        Err(full) => return Err(ApiError::new(Code::Unavailable, full.to_string())),
    }
    taken.await.unwrap_or_else(|_| Err(ApiError::internal()))
}

/// A record and whose it is. Nothing for a packet that is none of our business.
fn told(headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<Option<(TenantId, Told)>, ApiError> {
    let packet = decode(body).map_err(|rubbish| match rubbish {
        Rubbish::NotAttributes => {
            ApiError::new(Code::BadRequest, crate::error::sentence(&rubbish.to_string()))
        }
        Rubbish::Missing(field) | Rubbish::Unreadable(field) => {
            invalid(field, &crate::error::sentence(&rubbish.to_string()))
        }
    })?;
    let what = match packet {
        Packet::Session(packet) => What::Session(Box::new(session(*packet))),
        Packet::On => What::On,
        Packet::Off => What::Off,
        Packet::Other => return Ok(None),
    };
    let client = client(headers).ok_or_else(nobody)?;
    let told = Told {
        router: client.router,
        at: event_time(headers).ok_or_else(|| invalid("X-Event-Epoch", "It does not say when that was"))?,
        heard_at: now,
        what,
    };
    Ok(Some((client.tenant, told)))
}

fn session(packet: SessionPacket) -> SessionTold {
    SessionTold {
        unique_id: packet.unique_id,
        kind: packet.kind,
        reading: packet.reading,
        user: packet.user.map(Personal::new),
        station: packet.station.map(Personal::new),
        address: packet.address.map(Personal::new),
    }
}

/// The name that FreeRADIUS' configuration gives to the router.
fn client(headers: &HeaderMap) -> Option<Client> {
    let (tenant, router) = headers.get("x-radius-client")?.to_str().ok()?.split_once('/')?;
    Some(Client {
        tenant: id(tenant, TenantId::new)?,
        router: id(router, RouterId::new)?,
    })
}

/// As people see it, or as the database does.
fn id<T: FromStr>(text: &str, new: impl FnOnce(Uuid) -> T) -> Option<T> {
    Uuid::try_parse(text).map(new).or_else(|_| text.parse()).ok()
}

fn event_time(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let seconds = headers.get("x-event-epoch")?.to_str().ok()?.parse().ok()?;
    DateTime::from_timestamp(seconds, 0)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}
