//! Jobs, how far they are, and what they could not do.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use simpul_domain::{
    AnyEvent, Decider, JobId, SubscriptionId, UserId,
    operations::{
        Job, JobEvent,
        job::{ItemRefused, JobStarted, JobStatus, Why},
    },
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, Projector},
};

use crate::{
    Keyed, Position, QueryError,
    event::decode_all,
    rows::rows,
    stored::{column, read, read_word, signed, word},
};

/// One job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    pub job: JobId,
    /// As [`simpul_domain::operations::job::Task::as_str`] has it.
    pub kind: String,
    pub reason: Option<String>,
    pub status: JobStatus,
    /// Items of it.
    pub total: u32,
    /// Items that were carried out or refused.
    pub done: u32,
    /// Items that were refused.
    pub failed: u32,
    pub started_by: UserId,
    pub started_at: DateTime<Utc>,
    /// When it finished or was cancelled.
    pub finished_at: Option<DateTime<Utc>>,
    /// Of its stream.
    pub version: i64,
}

/// An item that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureRow {
    pub job: JobId,
    pub subscription: SubscriptionId,
    pub why: Why,
    pub failed_at: DateTime<Utc>,
}

/// Keeps both lists.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobListProjector;

type Rows = BTreeMap<JobId, JobRow>;

impl Projector for JobListProjector {
    const NAME: &'static str = "jobs";

    fn interest(&self) -> Interest {
        Interest::Types(&[Job::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events: Vec<(i64, JobEvent)> = decode_all(events)?
            .into_iter()
            .filter_map(|(recorded, event)| match event {
                AnyEvent::Job(event) => Some((recorded.sequence, event)),
                _ => None,
            })
            .collect();
        let ids = column(&events, |(_, event)| job_of(event).as_uuid());
        let found = by_id(tx, &ids).await?;
        let mut rows: Rows = found.into_iter().map(|row| (row.job, row)).collect();
        let mut refused = Vec::new();
        for (sequence, event) in events {
            apply(&mut rows, sequence, &event);
            if let JobEvent::ItemRefused(item) = event {
                refused.push(item);
            }
        }
        store(tx, &rows.into_values().collect::<Vec<_>>()).await?;
        add(tx, &refused).await
    }
}

const fn job_of(event: &JobEvent) -> JobId {
    match event {
        JobEvent::Started(event) => event.job,
        JobEvent::ItemCarriedOut(event) => event.job,
        JobEvent::ItemRefused(event) => event.job,
        JobEvent::Finished(event) => event.job,
        JobEvent::Cancelled(event) => event.job,
    }
}

fn apply(rows: &mut Rows, sequence: i64, event: &JobEvent) {
    if let JobEvent::Started(started) = event {
        rows.insert(started.job, row_of(started));
    }
    let Some(row) = rows.get_mut(&job_of(event)) else {
        return;
    };
    row.version = sequence;
    match event {
        JobEvent::Started(_) => {}
        JobEvent::ItemCarriedOut(_) => row.done += 1,
        JobEvent::ItemRefused(_) => {
            row.done += 1;
            row.failed += 1;
        }
        JobEvent::Finished(finished) => {
            row.status = JobStatus::Finished;
            row.finished_at = Some(finished.at);
        }
        JobEvent::Cancelled(cancelled) => {
            row.status = JobStatus::Cancelled;
            row.finished_at = Some(cancelled.at);
        }
    }
}

fn row_of(started: &JobStarted) -> JobRow {
    JobRow {
        job: started.job,
        kind: started.task.as_str().to_owned(),
        reason: started.task.reason().map(str::to_owned),
        status: JobStatus::Running,
        total: u32::try_from(started.subscriptions.len()).unwrap_or(u32::MAX),
        done: 0,
        failed: 0,
        started_by: started.starter.user,
        started_at: started.at,
        finished_at: None,
        version: 0,
    }
}

rows! {
    table: "jobs", key: "job_id", newest: "started_at",
    columns: "job_id, kind, reason, status, total, done, failed, started_by, started_at, finished_at, version",
    JobRow = |row| JobRow {
        job: JobId::new(row.job_id),
        kind: row.kind,
        reason: row.reason,
        status: read_word("status", &row.status)?,
        total: read("total", row.total)?,
        done: read("done", row.done)?,
        failed: read("failed", row.failed)?,
        started_by: UserId::new(row.started_by),
        started_at: row.started_at,
        finished_at: row.finished_at,
        version: row.version,
    },
    page:
        /// Jobs, newest first.
        pub fn list(),
    one by "job_id": fn by_id,
}

rows! {
    table: "job_failures", key: "subscription_id", newest: "failed_at",
    columns: "job_id, subscription_id, code, state, message, failed_at",
    FailureRow = |row| FailureRow {
        job: JobId::new(row.job_id),
        subscription: SubscriptionId::new(row.subscription_id),
        why: Why {
            code: row.code,
            state: row.state,
            message: row.message,
        },
        failed_at: row.failed_at,
    },
    page:
        /// What a job could not do, the latest first.
        pub fn failures(job: JobId) where "job_id = $5" [job.as_uuid()],
}

async fn store(tx: &mut TenantTx, rows: &[JobRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    let counts = |count: fn(&JobRow) -> u32| {
        let counts = rows.iter().map(|row| signed::<u32, i32>(count(row)));
        counts.collect::<Result<Vec<_>, _>>()
    };
    sqlx::query!(
        "INSERT INTO jobs (tenant_id, job_id, kind, reason, status, total, done, failed, started_by, started_at, finished_at,
             version)
         SELECT $1, j.* FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::integer[],
             $8::integer[], $9::uuid[], $10::timestamptz[], $11::timestamptz[], $12::bigint[]) AS j
         ON CONFLICT ON CONSTRAINT jobs_pkey DO UPDATE SET
             (status, done, failed, finished_at, version)
             = ROW (excluded.status, excluded.done, excluded.failed, excluded.finished_at, excluded.version)",
        tenant.as_uuid(),
        &column(rows, |row| row.job.as_uuid()),
        &column(rows, |row| row.kind.clone()),
        &column(rows, |row| row.reason.as_deref()) as &[Option<&str>],
        &column(rows, |row| word(&row.status)),
        &counts(|row| row.total)?,
        &counts(|row| row.done)?,
        &counts(|row| row.failed)?,
        &column(rows, |row| row.started_by.as_uuid()),
        &column(rows, |row| row.started_at),
        &column(rows, |row| row.finished_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.version),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn add(tx: &mut TenantTx, refused: &[ItemRefused]) -> Result<(), HandlerError> {
    if refused.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO job_failures (tenant_id, job_id, subscription_id, code, state, message, failed_at)
         SELECT $1, f.* FROM UNNEST($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) AS f
         ON CONFLICT ON CONSTRAINT job_failures_pkey DO NOTHING",
        tenant.as_uuid(),
        &column(refused, |item| item.job.as_uuid()),
        &column(refused, |item| item.subscription.as_uuid()),
        &column(refused, |item| item.why.code.clone()),
        &column(refused, |item| item.why.state.as_deref()) as &[Option<&str>],
        &column(refused, |item| item.why.message.clone()),
        &column(refused, |item| item.at),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Keyed for JobRow {
    fn position(&self) -> Position {
        Position {
            at: self.started_at,
            id: self.job.as_uuid(),
        }
    }
}

impl Keyed for FailureRow {
    fn position(&self) -> Position {
        Position {
            at: self.failed_at,
            id: self.subscription.as_uuid(),
        }
    }
}

/// Jobs by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[JobId]) -> Result<Vec<JobRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}
