//! Statements over the table of [`super::subscription_list`].

use chrono::{DateTime, Utc};
use serde_json::Value;
use simpul_domain::{CustomerId, RouterId, ServicePlanId, SubscriptionId};
use simpul_event_store::{TenantTx, feed::HandlerError};

use super::subscription_list::{Failure, Provisioned, SubscriptionRow};
use crate::{
    rows::rows,
    sift::{Kind, id, sifted},
    stored::{column, json, read, read_opt, signed, word},
};

rows! {
    table: "subscriptions", key: "subscription_id", newest: "opened_at",
    columns: "subscription_id, customer_id, plan_id, plan_name, download_kbps, upload_kbps, price, router_id,
              username, due_day, zone, installed_on, status, status_reason, status_since, opened_at, activated_at,
              isolated_since, overdue, desired_version, confirmed_version, confirmed_access, confirmed_at,
              failure_kind, failure_version, failed_attempts, failed_at, next_try_at,
              version",
    SubscriptionRow = |row| {
        let provisioned = match (row.confirmed_access, row.confirmed_at) {
            (Some(access), Some(at)) => Some(Provisioned {
                version: read("confirmed_version", row.confirmed_version)?,
                access: read("confirmed_access", access)?,
                at,
            }),
            _ => None,
        };
        let failure = match (row.failure_kind, row.failed_at, row.next_try_at) {
            (Some(kind), Some(at), Some(next_try_at)) => Some(Failure {
                kind: read("failure_kind", kind)?,
                version: read_opt("failure_version", row.failure_version)?.unwrap_or_default(),
                attempt: read("failed_attempts", row.failed_attempts)?,
                at,
                next_try_at,
            }),
            _ => None,
        };
        SubscriptionRow {
            subscription: SubscriptionId::new(row.subscription_id),
            customer: CustomerId::new(row.customer_id),
            plan: ServicePlanId::new(row.plan_id),
            plan_name: row.plan_name,
            download_kbps: read("download_kbps", row.download_kbps)?,
            upload_kbps: read("upload_kbps", row.upload_kbps)?,
            price: read("price", row.price)?,
            router: RouterId::new(row.router_id),
            username: read("username", row.username)?,
            due_day: read("due_day", row.due_day)?,
            zone: read("zone", row.zone)?,
            installed_on: row.installed_on,
            status: read("status", row.status)?,
            status_reason: row.status_reason,
            status_since: row.status_since,
            opened_at: row.opened_at,
            activated_at: row.activated_at,
            isolated_since: row.isolated_since,
            overdue: read("overdue", row.overdue)?,
            desired_version: read("desired_version", row.desired_version)?,
            provisioned,
            failure,
            version: row.version,
        }
    },
    page:
        /// All lines, or a customer's, newest first.
        pub fn list(customer: Option<CustomerId>) where "($5::uuid IS NULL OR customer_id = $5)"
        [customer.map(CustomerId::as_uuid)],
    one by "subscription_id": pub(super) fn by_id,
}

sifted! {
    "subscriptions" by "subscription_id" as SubscriptionRow = |row| row.subscription.as_uuid(), newest: OPENED_AT,
    all: list(None),
    STATUS = "status": Kind::Text,
    CUSTOMER = "customer_id": id!(CustomerId),
    ROUTER = "router_id": id!(RouterId),
    PLAN = "plan_id": id!(ServicePlanId),
    USERNAME = "username": Kind::Text,
    PRICE = "price": Kind::Number,
    STATUS_SINCE = "status_since": Kind::Instant,
    OPENED_AT = "opened_at": Kind::Instant,
}

pub(super) async fn store(tx: &mut TenantTx, rows: &[SubscriptionRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    let proofs = column(rows, |row| row.provisioned);
    let failures = column(rows, |row| row.failure);
    let number = |value: u64| signed::<u64, i64>(value);
    let desired = rows
        .iter()
        .map(|row| number(row.desired_version))
        .collect::<Result<Vec<_>, _>>()?;
    let confirmed = proofs
        .iter()
        .map(|proof| number(proof.map_or(0, |proof| proof.version)))
        .collect::<Result<Vec<_>, _>>()?;
    let failed = failures
        .iter()
        .map(|failure| failure.map(|failure| number(failure.version)).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let attempts = failures
        .iter()
        .map(|failure| signed(failure.map_or(0, |failure| failure.attempt)))
        .collect::<Result<Vec<i32>, _>>()?;
    let down = rows
        .iter()
        .map(|row| signed(row.download_kbps))
        .collect::<Result<Vec<i32>, _>>()?;
    let up = rows
        .iter()
        .map(|row| signed(row.upload_kbps))
        .collect::<Result<Vec<i32>, _>>()?;
    sqlx::query!(
        "INSERT INTO subscriptions (tenant_id, subscription_id, customer_id, plan_id, plan_name, download_kbps,
             upload_kbps, price, router_id, username, due_day, zone, installed_on, status, status_reason, status_since,
             opened_at, activated_at, isolated_since, overdue, desired_version, confirmed_version, confirmed_access,
             confirmed_at, failure_kind, failure_version, failed_attempts, failed_at, next_try_at, version)
         SELECT $1, s.* FROM UNNEST($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::integer[], $7::integer[],
             $8::bigint[], $9::uuid[], $10::text[], $11::smallint[], $12::text[], $13::date[], $14::text[], $15::text[],
             $16::timestamptz[], $17::timestamptz[], $18::timestamptz[], $19::timestamptz[], $20::jsonb[],
             $21::bigint[], $22::bigint[], $23::text[], $24::timestamptz[], $25::text[], $26::bigint[], $27::integer[],
             $28::timestamptz[], $29::timestamptz[], $30::bigint[]) AS s
         ON CONFLICT ON CONSTRAINT subscriptions_pkey DO UPDATE SET
             (plan_id, plan_name, download_kbps, upload_kbps, price, status, status_reason, status_since, activated_at,
              isolated_since, overdue, desired_version, confirmed_version, confirmed_access, confirmed_at, failure_kind,
              failure_version, failed_attempts, failed_at, next_try_at, version)
             = ROW (excluded.plan_id, excluded.plan_name, excluded.download_kbps, excluded.upload_kbps, excluded.price,
                    excluded.status, excluded.status_reason, excluded.status_since, excluded.activated_at,
                    excluded.isolated_since, excluded.overdue, excluded.desired_version, excluded.confirmed_version,
                    excluded.confirmed_access, excluded.confirmed_at, excluded.failure_kind, excluded.failure_version,
                    excluded.failed_attempts, excluded.failed_at, excluded.next_try_at, excluded.version)",
        tenant.as_uuid(),
        &column(rows, |row| row.subscription.as_uuid()),
        &column(rows, |row| row.customer.as_uuid()),
        &column(rows, |row| row.plan.as_uuid()),
        &column(rows, |row| row.plan_name.as_str()) as &[&str],
        &down,
        &up,
        &column(rows, |row| row.price.get()),
        &column(rows, |row| row.router.as_uuid()),
        &column(rows, |row| row.username.as_str()) as &[&str],
        &column(rows, |row| i16::from(row.due_day.get())),
        &column(rows, |row| word(&row.zone)),
        &column(rows, |row| row.installed_on),
        &column(rows, |row| word(&row.status)),
        &column(rows, |row| row.status_reason.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.status_since),
        &column(rows, |row| row.opened_at),
        &column(rows, |row| row.activated_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.isolated_since) as &[Option<DateTime<Utc>>],
        &column(rows, |row| json(&row.overdue)) as &[Value],
        &desired,
        &confirmed,
        &column(&proofs, |proof| proof.map(|proof| word(&proof.access))) as &[Option<String>],
        &column(&proofs, |proof| proof.map(|proof| proof.at)) as &[Option<DateTime<Utc>>],
        &column(&failures, |failure| failure.map(|failure| word(&failure.kind))) as &[Option<String>],
        &failed as &[Option<i64>],
        &attempts,
        &column(&failures, |failure| failure.map(|failure| failure.at)) as &[Option<DateTime<Utc>>],
        &column(&failures, |failure| failure.map(|failure| failure.next_try_at)) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.version),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
