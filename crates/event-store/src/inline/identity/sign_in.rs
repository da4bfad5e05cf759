//! Sign-ins and failures. Equal ones within a minute are one row with a count, and a tenant keeps a limited number of
//! failures a minute: nobody can write the disk full by guessing.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use simpul_domain::UserId;
use uuid::Uuid;

use crate::{
    StoreError,
    db::TenantTx,
    inline::stretch::{Stretch, stretch},
};

/// Rows of failures that a tenant keeps of one minute; further ones are counted in one row without an address.
const MAX_ROWS_A_MINUTE: i64 = 60;
const KEEP: TimeDelta = TimeDelta::days(180);

/// How a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// Wrong address or password; which one is not said, not even here, unless the user exists.
    WrongPassword,
    WrongCode,
    /// Too many attempts at the account; this one was not looked at.
    Held,
    /// A refresh token came twice.
    TokenReused,
}

impl Outcome {
    /// Every one of them.
    pub const ALL: &'static [Self] = &[
        Self::Succeeded,
        Self::WrongPassword,
        Self::WrongCode,
        Self::Held,
        Self::TokenReused,
    ];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::WrongPassword => "wrong_password",
            Self::WrongCode => "wrong_code",
            Self::Held => "held",
            Self::TokenReused => "token_reused",
        }
    }

    fn of(text: &str) -> Self {
        let known = Self::ALL.iter().find(|outcome| outcome.as_str() == text);
        known.copied().unwrap_or(Self::WrongPassword)
    }
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    pub id: Uuid,
    pub outcome: Outcome,
    pub user: Option<UserId>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub at: DateTime<Utc>,
}

/// Attempts of one minute that were alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInRow {
    pub id: Uuid,
    pub outcome: Outcome,
    pub user: Option<UserId>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    pub times: i32,
}

/// Records an attempt, and forgets old ones.
pub async fn record(tx: &mut TenantTx, sign_in: &SignIn) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let minute = sign_in
        .at
        .duration_trunc(TimeDelta::minutes(1))
        .unwrap_or(sign_in.at);
    sqlx::query!(
        "WITH crowd AS (
             SELECT $4 <> 'succeeded' AND count(*) >= $9 AS is_there FROM es.sign_ins WHERE tenant_id = $1 AND minute = $3
         )
         INSERT INTO es.sign_ins AS s (tenant_id, sign_in_id, minute, outcome, user_id, ip, user_agent, first_at, last_at)
         SELECT $1, $2, $3, $4, CASE WHEN NOT is_there THEN $5::uuid END, CASE WHEN NOT is_there THEN $6::text END,
                CASE WHEN NOT is_there THEN $7::text END, $8, $8
         FROM crowd
         ON CONFLICT ON CONSTRAINT sign_ins_minute_key DO UPDATE
         SET times = s.times + 1, last_at = greatest(s.last_at, excluded.last_at)",
        tenant.as_uuid(),
        sign_in.id,
        minute,
        sign_in.outcome.as_str(),
        sign_in.user.map(UserId::as_uuid),
        sign_in.ip,
        sign_in.user_agent,
        sign_in.at,
        MAX_ROWS_A_MINUTE
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "DELETE FROM es.sign_ins WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM es.sign_ins WHERE tenant_id = $1 AND first_at < $2
             ORDER BY first_at LIMIT 2 FOR UPDATE SKIP LOCKED))",
        tenant.as_uuid(),
        sign_in.at - KEEP
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Attempts, newest first: of one user, or all.
pub async fn list(
    tx: &mut TenantTx,
    user: Option<UserId>,
    stretch: Stretch,
) -> Result<Vec<SignInRow>, StoreError> {
    stretch! {
        tx, stretch,
        "SELECT sign_in_id, outcome, user_id, ip, user_agent, first_at, last_at, times FROM es.sign_ins
         WHERE tenant_id = $1 AND ($5::uuid IS NULL OR user_id = $5)",
        newest: ("first_at", "sign_in_id"), [user.map(UserId::as_uuid)],
        |row| SignInRow {
            id: row.sign_in_id,
            outcome: Outcome::of(&row.outcome),
            user: row.user_id.map(UserId::new),
            ip: row.ip,
            user_agent: row.user_agent,
            first_at: row.first_at,
            last_at: row.last_at,
            times: row.times,
        }
    }
}

/// When and from where a user came is personal; that a session began stays in the log.
pub(super) async fn forget(tx: &mut TenantTx, user: UserId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "DELETE FROM es.sign_ins WHERE tenant_id = $1 AND user_id = $2",
        tenant.as_uuid(),
        user.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
