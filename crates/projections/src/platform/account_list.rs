//! Accounts: the tenants of the platform, with plan, standing and what waits for a decision.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use simpul_domain::{
    AnyEvent, Decider, TenantId,
    platform::{Account, AccountEvent, account::HoldingStatus},
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, Projector},
};

use crate::{
    QueryError,
    event::decode_all,
    rows::rows,
    sift::{Kind, sifted},
    stored::{column, json, read, signed},
};

/// One tenant as a customer of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    pub tenant: TenantId,
    /// As the log tells it.
    pub account: Account,
    pub opened_at: DateTime<Utc>,
    /// Of the stream, with the last event that the row tells of.
    pub version: i64,
}

impl AccountRow {
    fn pending(&self) -> usize {
        let orders = self
            .account
            .granted()
            .into_iter()
            .flat_map(|granted| granted.add_ons.values());
        orders
            .filter(|holding| matches!(holding.status, HoldingStatus::Requested))
            .count()
    }

    fn plan(&self) -> &str {
        self.account
            .granted()
            .map_or("", |granted| granted.plan.key.as_str())
    }
}

/// Keeps the list.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccountListProjector;

impl Projector for AccountListProjector {
    const NAME: &'static str = "accounts";

    fn interest(&self) -> Interest {
        Interest::Types(&[Account::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events: Vec<(i64, AccountEvent)> = decode_all(events)?
            .into_iter()
            .filter_map(|(recorded, event)| match event {
                AnyEvent::Account(event) => Some((recorded.sequence, event)),
                _ => None,
            })
            .collect();
        let ids = column(&events, |(_, event)| event.subject().0.as_uuid());
        let found = by_id(tx, &ids).await?;
        let mut rows: BTreeMap<TenantId, AccountRow> =
            found.into_iter().map(|row| (row.tenant, row)).collect();
        for (version, event) in events {
            let (tenant, at) = event.subject();
            let row = rows.entry(tenant).or_insert_with(|| AccountRow {
                tenant,
                account: Account::default(),
                opened_at: at,
                version,
            });
            row.account.evolve(&event);
            row.version = version;
        }
        store(tx, &rows.into_values().collect::<Vec<_>>()).await
    }
}

rows! {
    table: "accounts", order: "opened_at DESC, account_id DESC",
    columns: "account_id, account, opened_at, version",
    AccountRow = |row| AccountRow {
        tenant: TenantId::new(row.account_id),
        account: read("account", row.account)?,
        opened_at: row.opened_at,
        version: row.version,
    },
    one by "account_id": fn by_id,
}

sifted! {
    "accounts" by "account_id" as AccountRow = |row| row.tenant.as_uuid(), newest: OPENED_AT,
    NAME = "name": Kind::Text,
    SUBDOMAIN = "subdomain": Kind::Text,
    STATUS = "status": Kind::Text,
    PLAN = "plan": Kind::Text,
    LOCKED = "locked": Kind::Flag,
    PENDING = "pending": Kind::Number,
    OPENED_AT = "opened_at": Kind::Instant,
}

async fn store(tx: &mut TenantTx, rows: &[AccountRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    let pending = rows
        .iter()
        .map(|row| signed::<usize, i32>(row.pending()))
        .collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "INSERT INTO accounts (tenant_id, account_id, name, subdomain, status, plan, locked, pending, account, opened_at,
             version)
         SELECT $1, a.* FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[],
             $8::integer[], $9::jsonb[], $10::timestamptz[], $11::bigint[]) AS a
         ON CONFLICT ON CONSTRAINT accounts_pkey DO UPDATE SET
             (name, subdomain, status, plan, locked, pending, account, version)
             = ROW (excluded.name, excluded.subdomain, excluded.status, excluded.plan, excluded.locked,
                    excluded.pending, excluded.account, excluded.version)",
        tenant.as_uuid(),
        &column(rows, |row| row.tenant.as_uuid()),
        &column(rows, |row| row.account.name().unwrap_or_default().to_owned()),
        &column(rows, |row| row.account.subdomain().map(ToString::to_string).unwrap_or_default()),
        &column(rows, |row| row.account.status().as_str().to_owned()),
        &column(rows, |row| row.plan().to_owned()),
        &column(rows, |row| row.account.panel_lock().is_some()),
        &pending,
        &column(rows, |row| json(&row.account)) as &[Value],
        &column(rows, |row| row.opened_at),
        &column(rows, |row| row.version),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Accounts by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[TenantId]) -> Result<Vec<AccountRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}

/// How many accounts there are of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCount {
    pub status: String,
    pub plan: String,
    pub locked: bool,
    pub accounts: i64,
    pub pending_orders: i64,
}

/// Accounts by status, plan and lock. The counts of all kinds add up to the number of accounts.
pub async fn counts(tx: &mut TenantTx) -> Result<Vec<AccountCount>, QueryError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"SELECT status, plan, locked, count(*) AS "accounts!", coalesce(sum(pending), 0)::bigint AS "pending!"
           FROM accounts WHERE tenant_id = $1 GROUP BY status, plan, locked ORDER BY status, plan, locked"#,
        tenant.as_uuid()
    )
    .fetch_all(&mut **tx)
    .await?;
    let counts = rows.into_iter().map(|row| AccountCount {
        status: row.status,
        plan: row.plan,
        locked: row.locked,
        accounts: row.accounts,
        pending_orders: row.pending,
    });
    Ok(counts.collect())
}

/// How many accounts were opened between two instants.
pub async fn opened_between(
    tx: &mut TenantTx,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<i64, QueryError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "opened!" FROM accounts
           WHERE tenant_id = $1 AND opened_at >= $2 AND opened_at < $3"#,
        tenant.as_uuid(),
        from,
        until
    )
    .fetch_one(&mut **tx)
    .await?)
}
