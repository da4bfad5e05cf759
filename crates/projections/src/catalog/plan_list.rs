//! Service plans, on sale and retired.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use simpul_domain::{
    AnyEvent, Decider, ServicePlanId,
    catalog::{PlanTerms, ServicePlan, ServicePlanEvent},
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, Projector},
};
use sqlx::types::Uuid;

use crate::{
    Keyed, Position, QueryError,
    event::decode_all,
    rows::rows,
    stored::{column, json, read},
};

/// One plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    pub terms: PlanTerms,
    pub defined_at: DateTime<Utc>,
    /// Off sale since then.
    pub retired_at: Option<DateTime<Utc>>,
}

/// Keeps the list.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlanListProjector;

impl Projector for PlanListProjector {
    const NAME: &'static str = "plans";

    fn interest(&self) -> Interest {
        Interest::Types(&[ServicePlan::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events = decode_all(events)?;
        let ids: Vec<Uuid> = events
            .iter()
            .filter_map(|(_, event)| match event {
                AnyEvent::ServicePlan(ServicePlanEvent::Defined(event)) => Some(event.terms.plan.as_uuid()),
                AnyEvent::ServicePlan(ServicePlanEvent::Retired(event)) => Some(event.plan.as_uuid()),
                _ => None,
            })
            .collect();
        let found = by_id(tx, &ids).await?;
        let mut rows: BTreeMap<ServicePlanId, PlanRow> =
            found.into_iter().map(|row| (row.terms.plan, row)).collect();
        for (_, event) in events {
            match event {
                AnyEvent::ServicePlan(ServicePlanEvent::Defined(defined)) => {
                    let row = PlanRow {
                        terms: defined.terms,
                        defined_at: defined.at,
                        retired_at: None,
                    };
                    rows.insert(row.terms.plan, row);
                }
                AnyEvent::ServicePlan(ServicePlanEvent::Retired(retired)) => {
                    if let Some(row) = rows.get_mut(&retired.plan) {
                        row.retired_at = Some(retired.at);
                    }
                }
                _ => {}
            }
        }
        store(tx, &rows.into_values().collect::<Vec<_>>()).await
    }
}

rows! {
    table: "plans", key: "plan_id", newest: "defined_at",
    columns: "terms, defined_at, retired_at",
    PlanRow = |row| PlanRow {
        terms: read("terms", row.terms)?,
        defined_at: row.defined_at,
        retired_at: row.retired_at,
    },
    page:
        /// Plans, newest first; retired ones too unless `on_sale_only`.
        pub fn list(on_sale_only: bool) where "(NOT $5 OR retired_at IS NULL)" [on_sale_only],
    one by "plan_id": fn by_id,
}

async fn store(tx: &mut TenantTx, rows: &[PlanRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO plans (tenant_id, plan_id, terms, defined_at, retired_at)
         SELECT $1, p.* FROM UNNEST($2::uuid[], $3::jsonb[], $4::timestamptz[], $5::timestamptz[]) AS p
         ON CONFLICT ON CONSTRAINT plans_pkey DO UPDATE SET retired_at = excluded.retired_at",
        tenant.as_uuid(),
        &column(rows, |row| row.terms.plan.as_uuid()),
        &column(rows, |row| json(&row.terms)) as &[Value],
        &column(rows, |row| row.defined_at),
        &column(rows, |row| row.retired_at) as &[Option<DateTime<Utc>>],
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Keyed for PlanRow {
    fn position(&self) -> Position {
        Position {
            at: self.defined_at,
            id: self.terms.plan.as_uuid(),
        }
    }
}

/// Plans by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[ServicePlanId]) -> Result<Vec<PlanRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}
