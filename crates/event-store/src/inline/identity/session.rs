//! Sessions and the families of their refresh tokens.
//!
//! INVARIANT: of a family at most one token is good, and whoever shows one that was exchanged ends the session, but for a
//! lost answer ([`RefreshToken::exchange`]).

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::{
    SessionId, UserId,
    identity::session::{Exchange, RefreshToken},
};

use super::SecretHash;
use crate::{
    StoreError,
    db::TenantTx,
    inline::stretch::{Stretch, stretch},
};

/// Users do not have more sessions than this; the list ends there.
const MAX_OPEN: i64 = 500;
/// A session that nobody has prolonged for so long is not prolonged any more: its device may be somebody else's by now.
const MAX_IDLE: TimeDelta = TimeDelta::days(7);

/// A session that begins, with its first refresh token if it can be prolonged at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    pub session: SessionId,
    pub user: UserId,
    pub method: String,
    pub impersonator: Option<UserId>,
    /// The impersonator's own, in the platform's tenant: this one goes on no longer than that.
    pub impersonator_session: Option<SessionId>,
    pub started_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub refresh: Option<SecretHash>,
}

/// A session as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    pub session: SessionId,
    pub user: UserId,
    pub method: String,
    pub impersonator: Option<UserId>,
    pub started_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

pub(super) async fn start(tx: &mut TenantTx, session: &NewSession) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.sessions (tenant_id, session_id, user_id, method, impersonator, started_at, last_used_at,
                                  expires_at, ip, user_agent, impersonator_session)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10)",
        tenant.as_uuid(),
        session.session.as_uuid(),
        session.user.as_uuid(),
        session.method,
        session.impersonator.map(UserId::as_uuid),
        session.started_at,
        session.expires_at,
        session.ip,
        session.user_agent,
        session.impersonator_session.map(SessionId::as_uuid)
    )
    .execute(&mut **tx)
    .await?;
    match &session.refresh {
        Some(token) => issue(tx, session.session, token, session.started_at).await,
        None => Ok(()),
    }
}

pub(super) async fn end(tx: &mut TenantTx, session: SessionId, at: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.sessions SET ended_at = $3 WHERE tenant_id = $1 AND session_id = $2 AND ended_at IS NULL",
        tenant.as_uuid(),
        session.as_uuid(),
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn issue(
    tx: &mut TenantTx,
    session: SessionId,
    token: &SecretHash,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.refresh_tokens (tenant_id, token_hash, session_id, issued_at) VALUES ($1, $2, $3, $4)",
        tenant.as_uuid(),
        token.as_slice(),
        session.as_uuid(),
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What became of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The new token is good, the old one is not.
    Rotated {
        session: SessionId,
        user: UserId,
        expires_at: DateTime<Utc>,
    },
    /// Nobody's token, or that of a session that is over.
    Refused,
    /// Two hold the family: the session has ended, and its stream must say so.
    Reused { session: SessionId, user: UserId },
}

/// Exchanges a refresh token for another one. Exchanges of one session wait for each other.
pub async fn rotate(
    tx: &mut TenantTx,
    old: &SecretHash,
    new: &SecretHash,
    now: DateTime<Utc>,
) -> Result<Rotation, StoreError> {
    let tenant = tx.tenant();
    let Some(session) = sqlx::query!(
        "SELECT s.session_id, s.user_id, s.last_used_at, s.expires_at, s.ended_at FROM es.sessions s
         JOIN es.refresh_tokens t ON t.tenant_id = s.tenant_id AND t.session_id = s.session_id
         WHERE t.tenant_id = $1 AND t.token_hash = $2 FOR UPDATE OF s",
        tenant.as_uuid(),
        old.as_slice()
    )
    .fetch_optional(&mut **tx)
    .await?
    else {
        return Ok(Rotation::Refused);
    };
    let idles = session.last_used_at + MAX_IDLE <= now;
    if session.ended_at.is_some() || session.expires_at <= now || idles {
        return Ok(Rotation::Refused);
    }
    let (id, user) = (SessionId::new(session.session_id), UserId::new(session.user_id));
    if !consume(tx, old, new, now).await? {
        end(tx, id, now).await?;
        return Ok(Rotation::Reused { session: id, user });
    }
    issue(tx, id, new, now).await?;
    sqlx::query!(
        "UPDATE es.sessions SET last_used_at = $3 WHERE tenant_id = $1 AND session_id = $2",
        tenant.as_uuid(),
        session.session_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(Rotation::Rotated {
        session: id,
        user,
        expires_at: session.expires_at,
    })
}

/// Marks the old token as exchanged for the new one; `false` when the family is somebody else's, too.
///
/// INVARIANT: the session's row is locked, so that nobody else changes its tokens meanwhile.
async fn consume(
    tx: &mut TenantTx,
    old: &SecretHash,
    new: &SecretHash,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let kept = sqlx::query!(
        r#"SELECT t.consumed_at, t.forgiven, t.successor,
                  s.token_hash IS NOT NULL AND s.consumed_at IS NULL AS "successor_is_good!"
           FROM es.refresh_tokens t
           LEFT JOIN es.refresh_tokens s ON s.tenant_id = t.tenant_id AND s.token_hash = t.successor
           WHERE t.tenant_id = $1 AND t.token_hash = $2"#,
        tenant.as_uuid(),
        old.as_slice()
    )
    .fetch_one(&mut **tx)
    .await?;
    let token = RefreshToken {
        consumed_at: kept.consumed_at,
        forgiven: kept.forgiven,
    };
    match token.exchange(kept.successor_is_good, now) {
        Exchange::First => {}
        Exchange::Again => give_up(tx, kept.successor.as_deref(), now).await?,
        Exchange::Reuse => return Ok(false),
    }
    sqlx::query!(
        "UPDATE es.refresh_tokens SET consumed_at = coalesce(consumed_at, $4), successor = $3,
                forgiven = consumed_at IS NOT NULL
         WHERE tenant_id = $1 AND token_hash = $2",
        tenant.as_uuid(),
        old.as_slice(),
        new.as_slice(),
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

/// What a lost answer held is good no longer.
async fn give_up(tx: &mut TenantTx, token: Option<&[u8]>, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.refresh_tokens SET consumed_at = $3, successor = NULL, forgiven = true
         WHERE tenant_id = $1 AND token_hash = $2",
        tenant.as_uuid(),
        token,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The session that a refresh token belongs to, good or not.
pub async fn of_token(
    tx: &mut TenantTx,
    token: &SecretHash,
) -> Result<Option<(SessionId, UserId)>, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "SELECT s.session_id, s.user_id FROM es.refresh_tokens t
         JOIN es.sessions s ON s.tenant_id = t.tenant_id AND s.session_id = t.session_id
         WHERE t.tenant_id = $1 AND t.token_hash = $2",
        tenant.as_uuid(),
        token.as_slice()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| (SessionId::new(row.session_id), UserId::new(row.user_id))))
}

/// Sessions of a user that are not over.
pub async fn open(tx: &mut TenantTx, user: UserId, now: DateTime<Utc>) -> Result<Vec<SessionId>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query_scalar!(
        "SELECT session_id FROM es.sessions
         WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL AND expires_at > $3
         ORDER BY started_at DESC LIMIT $4",
        tenant.as_uuid(),
        user.as_uuid(),
        now,
        MAX_OPEN
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(SessionId::new).collect())
}

/// Sessions, newest first: of one user, or of everybody; those that are over too.
pub async fn list(
    tx: &mut TenantTx,
    user: Option<UserId>,
    stretch: Stretch,
) -> Result<Vec<SessionRow>, StoreError> {
    stretch! {
        tx, stretch,
        "SELECT session_id, user_id, method, impersonator, started_at, last_used_at, expires_at, ended_at, ip, user_agent
         FROM es.sessions WHERE tenant_id = $1 AND ($5::uuid IS NULL OR user_id = $5)",
        newest: ("started_at", "session_id"), [user.map(UserId::as_uuid)],
        |row| SessionRow {
            session: SessionId::new(row.session_id),
            user: UserId::new(row.user_id),
            method: row.method,
            impersonator: row.impersonator.map(UserId::new),
            started_at: row.started_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
            ip: row.ip,
            user_agent: row.user_agent,
        }
    }
}

/// One session.
pub async fn find(tx: &mut TenantTx, session: SessionId) -> Result<Option<SessionRow>, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "SELECT session_id, user_id, method, impersonator, started_at, last_used_at, expires_at, ended_at, ip, user_agent
         FROM es.sessions WHERE tenant_id = $1 AND session_id = $2",
        tenant.as_uuid(),
        session.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| SessionRow {
        session: SessionId::new(row.session_id),
        user: UserId::new(row.user_id),
        method: row.method,
        impersonator: row.impersonator.map(UserId::new),
        started_at: row.started_at,
        last_used_at: row.last_used_at,
        expires_at: row.expires_at,
        ended_at: row.ended_at,
        ip: row.ip,
        user_agent: row.user_agent,
    }))
}

/// Whether a user who has signed in before did so with other programs only. Nobody's first sign-in is a surprise.
pub async fn is_new_device(
    tx: &mut TenantTx,
    user: UserId,
    user_agent: Option<&str>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) > 0 AND count(*) FILTER (WHERE user_agent IS NOT DISTINCT FROM $3) = 0 AS "is_new!"
           FROM es.sessions WHERE tenant_id = $1 AND user_id = $2 AND impersonator IS NULL"#,
        tenant.as_uuid(),
        user.as_uuid(),
        user_agent
    )
    .fetch_one(&mut **tx)
    .await?)
}

pub(super) async fn shorten(tx: &mut TenantTx, days: u8) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.sessions SET expires_at = least(expires_at, started_at + make_interval(days => $2))
         WHERE tenant_id = $1 AND ended_at IS NULL AND expires_at > started_at + make_interval(days => $2)",
        tenant.as_uuid(),
        i32::from(days)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// That there was a session stays; from where is personal.
pub(super) async fn forget(tx: &mut TenantTx, user: UserId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.sessions SET ip = NULL, user_agent = NULL WHERE tenant_id = $1 AND user_id = $2",
        tenant.as_uuid(),
        user.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
