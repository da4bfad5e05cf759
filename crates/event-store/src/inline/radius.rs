//! What routers tell by RADIUS accounting: the sessions of `simpul_domain::accounting` between their events, and every
//! record that was taken.
//!
//! INVARIANT: whatever is written about a router stands on its version, so that two who decide on the same sessions do
//! not both write: the later one decides again.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use simpul_domain::{
    RadiusSessionId, RouterId, Sealed, SubscriptionId,
    accounting::{
        Began, Caller, Cause, Ended, Meter, Octets, RouterHearing, Said, SessionRow, Usage, Window,
    },
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    StoreError,
    db::{SystemTx, TenantTx},
};

/// A router as it is stored; version 0 is nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Router {
    pub id: RouterId,
    pub hearing: RouterHearing,
    pub version: i64,
}

/// One record as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub at: DateTime<Utc>,
    /// None of a record about the router itself.
    pub session: Option<RadiusSessionId>,
    /// `start`, `interim`, `stop`, `on` or `off`.
    pub kind: &'static str,
    pub seconds: Option<u32>,
    pub input_octets: Option<Octets>,
    pub output_octets: Option<Octets>,
    pub cause: Option<Cause>,
    pub heard_at: DateTime<Utc>,
}

/// A session with where its stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub row: SessionRow,
    /// The version of its stream that says what the row says; 0 where only the log knows.
    pub version: i64,
}

/// What records of one router changed. `router` is as it was read, but for its hearing.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub router: Router,
    pub sessions: Vec<Session>,
    pub samples: Vec<Sample>,
}

/// A session as it is stored.
struct Stored {
    router_id: Uuid,
    session_id: Uuid,
    subscription_id: Option<Uuid>,
    caller: Option<String>,
    who: Option<String>,
    started_at: DateTime<Utc>,
    start_told: bool,
    last_at: DateTime<Utc>,
    heard_at: DateTime<Utc>,
    seconds: i64,
    input_octets: i64,
    output_octets: i64,
    readings: Option<Json<Window>>,
    said_at: DateTime<Utc>,
    said_seconds: i64,
    said_input: i64,
    said_output: i64,
    cause: Option<String>,
    told_at: Option<DateTime<Utc>>,
    version: i64,
}

/// Rows from somewhere, each with its router.
macro_rules! rows {
    ($tx:ident, $from:literal, $($value:expr),* $(,)?) => {{
        let tenant = $tx.tenant();
        let rows = sqlx::query_as!(
            Stored,
            r#"SELECT found.router_id AS "router_id!", found.session_id AS "session_id!", found.subscription_id,
                      found.caller, found.who, found.started_at AS "started_at!", found.start_told AS "start_told!",
                      found.last_at AS "last_at!", found.heard_at AS "heard_at!", found.seconds AS "seconds!",
                      found.input_octets AS "input_octets!", found.output_octets AS "output_octets!",
                      found.readings AS "readings: Json<Window>", found.said_at AS "said_at!",
                      found.said_seconds AS "said_seconds!", found.said_input AS "said_input!",
                      found.said_output AS "said_output!", found.cause, found.told_at,
                      found.version AS "version!"
               FROM "# + $from,
            tenant.as_uuid(),
            $($value),*
        )
        .fetch_all(&mut **$tx)
        .await?;
        Ok(rows.into_iter().map(Stored::read).collect())
    }};
}

/// These routers, in their order.
pub async fn routers(tx: &mut TenantTx, ids: &[RouterId]) -> Result<Vec<Router>, StoreError> {
    let (tenant, wanted) = (tx.tenant(), uuids(ids, RouterId::as_uuid));
    let rows = sqlx::query!(
        r#"SELECT wanted.id AS "id!", r.restarted_at, r.heard_at AS "heard_at?", r.heard_since AS "heard_since?",
                  r.version AS "version?"
           FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted (id, place)
           LEFT JOIN LATERAL (SELECT * FROM es.radius_routers WHERE tenant_id = $1 AND router_id = wanted.id LIMIT 1) AS r
               ON true
           ORDER BY wanted.place"#,
        tenant.as_uuid(),
        &wanted
    )
    .fetch_all(&mut **tx)
    .await?;
    let routers = rows.into_iter().map(|row| Router {
        id: RouterId::new(row.id),
        hearing: RouterHearing {
            restarted_at: row.restarted_at,
            heard_at: row.heard_at,
            heard_since: row.heard_since,
        },
        version: row.version.unwrap_or_default(),
    });
    Ok(routers.collect())
}

/// Sessions by their ids, each with its router. As a range in the order of the key, which no other index has (ADR 74).
pub async fn sessions(
    tx: &mut TenantTx,
    ids: &[RadiusSessionId],
) -> Result<Vec<(RouterId, Session)>, StoreError> {
    rows!(
        tx,
        "(SELECT DISTINCT unnest($2::uuid[]) AS id) AS wanted
         CROSS JOIN LATERAL (SELECT * FROM es.radius_sessions WHERE tenant_id = $1
             AND session_id BETWEEN wanted.id AND wanted.id ORDER BY session_id LIMIT 1) AS found",
        &uuids(ids, RadiusSessionId::as_uuid)
    )
}

/// Of each caller at a router the open sessions, and the one that began last; some of them twice.
pub async fn of_callers(
    tx: &mut TenantTx,
    callers: &[(RouterId, Caller)],
) -> Result<Vec<(RouterId, Session)>, StoreError> {
    let routers: Vec<Uuid> = callers.iter().map(|(router, _)| router.as_uuid()).collect();
    let hashes: Vec<&str> = callers.iter().map(|(_, caller)| caller.as_str()).collect();
    rows!(
        tx,
        "unnest($2::uuid[], $3::text[]) AS wanted (router_id, caller)
         CROSS JOIN LATERAL (
             (SELECT * FROM es.radius_sessions
              WHERE tenant_id = $1 AND router_id = wanted.router_id AND caller = wanted.caller AND cause IS NULL)
             UNION ALL
             (SELECT * FROM es.radius_sessions
              WHERE tenant_id = $1 AND router_id = wanted.router_id AND caller = wanted.caller
              ORDER BY started_at DESC LIMIT 1)
         ) AS found",
        &routers,
        &hashes as &[&str]
    )
}

/// The open sessions of these routers.
pub async fn open(tx: &mut TenantTx, routers: &[RouterId]) -> Result<Vec<(RouterId, Session)>, StoreError> {
    rows!(
        tx,
        "es.radius_sessions AS found
         WHERE found.tenant_id = $1 AND found.router_id = ANY($2) AND found.cause IS NULL",
        &uuids(routers, RouterId::as_uuid)
    )
}

/// Open sessions of which nothing came since `before` although their router was heard all the time, or since `long_before`
/// whatever their router did; at most `limit`.
pub async fn lost(
    tx: &mut TenantTx,
    before: DateTime<Utc>,
    long_before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(RouterId, Session)>, StoreError> {
    rows!(
        tx,
        "es.radius_sessions AS found JOIN es.radius_routers AS r USING (tenant_id, router_id)
         WHERE tenant_id = $1 AND found.cause IS NULL
           AND (found.heard_at < $3 OR (r.heard_at >= $2 AND greatest(found.heard_at, r.heard_since) < $2))
         ORDER BY found.router_id, found.session_id LIMIT $4",
        before,
        long_before,
        limit
    )
}

/// Writes what changed, the router first: whoever comes second waits there, and decides again.
pub(super) async fn write(tx: &mut TenantTx, change: &Change) -> Result<(), StoreError> {
    write_router(tx, &change.router).await?;
    write_sessions(tx, change).await?;
    write_samples(tx, change).await
}

async fn write_router(tx: &mut TenantTx, router: &Router) -> Result<(), StoreError> {
    let (tenant, hearing) = (tx.tenant(), router.hearing);
    let (Some(heard_at), Some(heard_since)) = (hearing.heard_at, hearing.heard_since) else {
        // Nobody writes of a router that was never heard.
        return Err(StoreError::Aborted);
    };
    let written = if router.version == 0 {
        sqlx::query!(
            "INSERT INTO es.radius_routers (tenant_id, router_id, restarted_at, heard_at, heard_since, version)
             VALUES ($1, $2, $3, $4, $5, 1)
             ON CONFLICT ON CONSTRAINT radius_routers_pkey DO NOTHING",
            tenant.as_uuid(),
            router.id.as_uuid(),
            hearing.restarted_at,
            heard_at,
            heard_since
        )
        .execute(&mut **tx)
        .await?
    } else {
        sqlx::query!(
            "UPDATE es.radius_routers SET restarted_at = $3, heard_at = $4, heard_since = $5, version = version + 1
             WHERE tenant_id = $1 AND router_id = $2 AND version = $6",
            tenant.as_uuid(),
            router.id.as_uuid(),
            hearing.restarted_at,
            heard_at,
            heard_since,
            router.version
        )
        .execute(&mut **tx)
        .await?
    };
    if written.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict)
    }
}

/// All of them in one statement: a router that begins anew ends hundreds.
async fn write_sessions(tx: &mut TenantTx, change: &Change) -> Result<(), StoreError> {
    if change.sessions.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant();
    let mut sessions: Vec<&Session> = change.sessions.iter().collect();
    sessions.sort_unstable_by_key(|session| session.row.session);
    let columns = Columns::of(&sessions);
    sqlx::query!(
        "INSERT INTO es.radius_sessions (tenant_id, router_id, session_id, subscription_id, caller, who, started_at,
             start_told, last_at, heard_at, seconds, input_octets, output_octets, readings, said_at, said_seconds,
             said_input, said_output, cause, told_at, version)
         SELECT $1, $2, s.*
         FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[], $8::boolean[], $9::timestamptz[],
                     $10::timestamptz[], $11::bigint[], $12::bigint[], $13::bigint[], $14::jsonb[], $15::timestamptz[],
                     $16::bigint[], $17::bigint[], $18::bigint[], $19::text[], $20::timestamptz[], $21::bigint[]) AS s
         ON CONFLICT ON CONSTRAINT radius_sessions_pkey DO UPDATE
         SET subscription_id = excluded.subscription_id, caller = excluded.caller, who = excluded.who,
             started_at = excluded.started_at, start_told = excluded.start_told, last_at = excluded.last_at,
             heard_at = excluded.heard_at, seconds = excluded.seconds, input_octets = excluded.input_octets,
             output_octets = excluded.output_octets, readings = excluded.readings, said_at = excluded.said_at,
             said_seconds = excluded.said_seconds, said_input = excluded.said_input, said_output = excluded.said_output,
             cause = excluded.cause, told_at = excluded.told_at, version = excluded.version",
        tenant.as_uuid(),
        change.router.id.as_uuid(),
        &columns.session,
        &columns.subscription as &[Option<Uuid>],
        &columns.caller as &[Option<&str>],
        &columns.who as &[Option<&str>],
        &columns.started_at,
        &columns.start_told,
        &columns.last_at,
        &columns.heard_at,
        &columns.seconds,
        &columns.input_octets,
        &columns.output_octets,
        &columns.readings as &[Option<Json<&Window>>],
        &columns.said_at,
        &columns.said_seconds,
        &columns.said_input,
        &columns.said_output,
        &columns.cause as &[Option<&str>],
        &columns.told_at as &[Option<DateTime<Utc>>],
        &columns.version
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn write_samples(tx: &mut TenantTx, change: &Change) -> Result<(), StoreError> {
    let samples = &change.samples;
    if samples.is_empty() {
        return Ok(());
    }
    let days: BTreeSet<NaiveDate> = samples.iter().map(|sample| sample.at.date_naive()).collect();
    let days: Vec<NaiveDate> = days.into_iter().collect();
    sqlx::query!("SELECT es.keep_radius_samples($1)", &days)
        .execute(&mut **tx)
        .await?;
    let tenant = tx.tenant();
    let ats: Vec<DateTime<Utc>> = samples.iter().map(|sample| sample.at).collect();
    let sessions: Vec<Option<Uuid>> = samples
        .iter()
        .map(|sample| sample.session.map(RadiusSessionId::as_uuid))
        .collect();
    let kinds: Vec<&str> = samples.iter().map(|sample| sample.kind).collect();
    let seconds: Vec<Option<i64>> = samples
        .iter()
        .map(|sample| sample.seconds.map(i64::from))
        .collect();
    let inputs: Vec<Option<i64>> = samples
        .iter()
        .map(|sample| sample.input_octets.map(octets))
        .collect();
    let outputs: Vec<Option<i64>> = samples
        .iter()
        .map(|sample| sample.output_octets.map(octets))
        .collect();
    let causes: Vec<Option<&str>> = samples
        .iter()
        .map(|sample| sample.cause.map(Cause::as_str))
        .collect();
    let heard: Vec<DateTime<Utc>> = samples.iter().map(|sample| sample.heard_at).collect();
    sqlx::query!(
        "INSERT INTO es.radius_samples (tenant_id, router_id, at, session_id, kind, seconds, input_octets, output_octets,
                                        cause, heard_at)
         SELECT $1, $2, s.* FROM unnest($3::timestamptz[], $4::uuid[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
                                        $9::text[], $10::timestamptz[]) AS s
         ON CONFLICT DO NOTHING",
        tenant.as_uuid(),
        change.router.id.as_uuid(),
        &ats,
        &sessions as &[Option<Uuid>],
        &kinds as &[&str],
        &seconds as &[Option<i64>],
        &inputs as &[Option<i64>],
        &outputs as &[Option<i64>],
        &causes as &[Option<&str>],
        &heard
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets sessions that are over and were last heard of before `before`, the oldest first, at most `limit`.
pub async fn forget(tx: &mut TenantTx, before: DateTime<Utc>, limit: i64) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query!(
        "DELETE FROM es.radius_sessions WHERE tenant_id = $1 AND ctid = ANY (ARRAY(
             SELECT ctid FROM es.radius_sessions
             WHERE tenant_id = $1 AND cause IS NOT NULL AND started_at < $2 AND last_at < $2
             ORDER BY started_at LIMIT $3 FOR UPDATE SKIP LOCKED))",
        tenant.as_uuid(),
        before,
        limit
    )
    .execute(&mut **tx)
    .await?
    .rows_affected())
}

/// Has room for the records of these days ahead of time.
pub async fn make_room(tx: &mut SystemTx, days: &[NaiveDate]) -> Result<(), StoreError> {
    sqlx::query!("SELECT es.keep_radius_samples($1)", days)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Drops the records of all days before `before`. Returns how many days that were.
pub async fn drop_samples(tx: &mut SystemTx, before: NaiveDate) -> Result<i64, StoreError> {
    Ok(
        sqlx::query_scalar!(r#"SELECT es.drop_radius_samples($1) AS "dropped!""#, before)
            .fetch_one(&mut **tx)
            .await?,
    )
}

/// Sessions as they are written, column by column.
#[derive(Default)]
struct Columns<'a> {
    session: Vec<Uuid>,
    subscription: Vec<Option<Uuid>>,
    caller: Vec<Option<&'a str>>,
    who: Vec<Option<&'a str>>,
    started_at: Vec<DateTime<Utc>>,
    start_told: Vec<bool>,
    last_at: Vec<DateTime<Utc>>,
    heard_at: Vec<DateTime<Utc>>,
    seconds: Vec<i64>,
    input_octets: Vec<i64>,
    output_octets: Vec<i64>,
    readings: Vec<Option<Json<&'a Window>>>,
    said_at: Vec<DateTime<Utc>>,
    said_seconds: Vec<i64>,
    said_input: Vec<i64>,
    said_output: Vec<i64>,
    cause: Vec<Option<&'a str>>,
    told_at: Vec<Option<DateTime<Utc>>>,
    version: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(sessions: &[&'a Session]) -> Self {
        let mut columns = Self::default();
        for Session { row, version } in sessions {
            let (usage, said) = (row.meter.usage, row.said.usage);
            columns.session.push(row.session.as_uuid());
            columns.subscription.push(row.line.map(SubscriptionId::as_uuid));
            columns.caller.push(row.caller.as_ref().map(Caller::as_str));
            columns.who.push(row.who.as_ref().map(Sealed::as_str));
            columns.started_at.push(row.began.at);
            columns.start_told.push(row.began.told);
            columns.last_at.push(row.last_at);
            columns.heard_at.push(row.heard_at);
            columns.seconds.push(usage.seconds.into());
            columns.input_octets.push(octets(usage.input_octets));
            columns.output_octets.push(octets(usage.output_octets));
            columns.readings.push(row.meter.window.as_ref().map(Json));
            columns.said_at.push(row.said.at);
            columns.said_seconds.push(said.seconds.into());
            columns.said_input.push(octets(said.input_octets));
            columns.said_output.push(octets(said.output_octets));
            columns.cause.push(row.ended.map(|ended| ended.cause.as_str()));
            columns.told_at.push(row.ended.and_then(|ended| ended.told_at));
            columns.version.push(*version);
        }
        columns
    }
}

impl Stored {
    fn read(self) -> (RouterId, Session) {
        let row = SessionRow {
            session: RadiusSessionId::new(self.session_id),
            began: Began {
                at: self.started_at,
                told: self.start_told,
            },
            last_at: self.last_at,
            heard_at: self.heard_at,
            caller: self.caller.map(Caller::new),
            line: self.subscription_id.map(SubscriptionId::new),
            who: self.who.map(Sealed::new),
            meter: Meter {
                usage: usage(self.seconds, self.input_octets, self.output_octets),
                window: self.readings.map(|window| window.0),
            },
            ended: self.cause.map(|cause| Ended {
                cause: Cause::of_stored(&cause),
                told_at: self.told_at,
            }),
            said: Said {
                at: self.said_at,
                usage: usage(self.said_seconds, self.said_input, self.said_output),
            },
        };
        let version = self.version;
        (RouterId::new(self.router_id), Session { row, version })
    }
}

fn usage(seconds: i64, input: i64, output: i64) -> Usage {
    Usage {
        seconds: u32::try_from(seconds).unwrap_or_default(),
        input_octets: read_octets(input),
        output_octets: read_octets(output),
    }
}

/// INVARIANT: only what was one is stored as one.
fn read_octets(octets: i64) -> Octets {
    u64::try_from(octets)
        .ok()
        .and_then(|octets| Octets::try_new(octets).ok())
        .unwrap_or_default()
}

const fn octets(octets: Octets) -> i64 {
    // INVARIANT: below 2^53.
    octets.get().cast_signed()
}

fn uuids<T: Copy>(ids: &[T], uuid: impl Fn(T) -> Uuid) -> Vec<Uuid> {
    ids.iter().copied().map(uuid).collect()
}
