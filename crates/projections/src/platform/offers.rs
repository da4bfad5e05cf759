//! What the platform offers: plans and add-ons, on the terms of today.

use chrono::{DateTime, Utc};
use simpul_domain::{
    AnyEvent, Decider,
    platform::{AddOn, AddOnEvent, AddOnTerms, Plan, PlanEvent, PlanTerms, plan::PlanRetired},
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, Projector},
};

use crate::{
    QueryError,
    event::decode_all,
    stored::{json, read},
};

/// One plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    pub terms: PlanTerms,
    /// Offered no more since then.
    pub retired_at: Option<DateTime<Utc>>,
    /// Of the stream, with the last event that the row tells of.
    pub version: i64,
}

/// One add-on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddOnRow {
    pub terms: AddOnTerms,
    /// Off the list since then.
    pub retired_at: Option<DateTime<Utc>>,
}

/// Keeps both lists. They are short: each event is written by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct OffersProjector;

impl Projector for OffersProjector {
    const NAME: &'static str = "offers";

    fn interest(&self) -> Interest {
        Interest::Types(&[Plan::TYPE, AddOn::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        for (recorded, event) in decode_all(events)? {
            match event {
                AnyEvent::Plan(PlanEvent::Defined(defined)) => {
                    put_plan(tx, &defined.terms, recorded.sequence).await?;
                }
                AnyEvent::Plan(PlanEvent::Retired(retired)) => {
                    retire_plan(tx, &retired, recorded.sequence).await?;
                }
                AnyEvent::AddOn(AddOnEvent::Defined(defined)) => put_add_on(tx, &defined.terms).await?,
                AnyEvent::AddOn(AddOnEvent::Retired(retired)) => {
                    retire(tx, retired.key.as_str(), retired.at).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

async fn put_plan(tx: &mut TenantTx, terms: &PlanTerms, version: i64) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO platform_plans (tenant_id, key, terms, version) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT platform_plans_pkey
         DO UPDATE SET terms = excluded.terms, version = excluded.version, retired_at = NULL",
        tenant.as_uuid(),
        terms.key.as_str(),
        json(terms),
        version
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn retire_plan(tx: &mut TenantTx, retired: &PlanRetired, version: i64) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE platform_plans SET retired_at = $3, version = $4 WHERE tenant_id = $1 AND key = $2",
        tenant.as_uuid(),
        retired.key.as_str(),
        retired.at,
        version
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn put_add_on(tx: &mut TenantTx, terms: &AddOnTerms) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO add_ons (tenant_id, key, terms) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT add_ons_pkey DO UPDATE SET terms = excluded.terms, retired_at = NULL",
        tenant.as_uuid(),
        terms.key.as_str(),
        json(terms)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn retire(tx: &mut TenantTx, key: &str, at: DateTime<Utc>) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE add_ons SET retired_at = $3 WHERE tenant_id = $1 AND key = $2",
        tenant.as_uuid(),
        key,
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Plans by name, those that are offered no more too.
pub async fn plans(tx: &mut TenantTx) -> Result<Vec<PlanRow>, QueryError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "SELECT terms, retired_at, version FROM platform_plans WHERE tenant_id = $1 ORDER BY key",
        tenant.as_uuid()
    )
    .fetch_all(&mut **tx)
    .await?
    .into_iter()
    .map(|row| {
        Ok(PlanRow {
            terms: read("terms", row.terms)?,
            retired_at: row.retired_at,
            version: row.version,
        })
    })
    .collect()
}

/// Add-ons by name, those off the list too.
pub async fn add_ons(tx: &mut TenantTx) -> Result<Vec<AddOnRow>, QueryError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "SELECT terms, retired_at FROM add_ons WHERE tenant_id = $1 ORDER BY key",
        tenant.as_uuid()
    )
    .fetch_all(&mut **tx)
    .await?
    .into_iter()
    .map(|row| {
        Ok(AddOnRow {
            terms: read("terms", row.terms)?,
            retired_at: row.retired_at,
        })
    })
    .collect()
}
