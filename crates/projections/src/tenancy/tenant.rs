//! The tenant itself: name, settings, what the platform grants. One row per log.

use chrono::{DateTime, Utc};
use simpul_domain::{
    AnyEvent, Decider, TenantId,
    tenancy::{Entitlements, Subdomain, Tenant, TenantEvent, TenantSettings, tenant::TenantOnboarded},
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

/// One operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    pub tenant: TenantId,
    pub name: String,
    pub subdomain: Subdomain,
    pub settings: TenantSettings,
    pub entitlements: Entitlements,
    /// Why the panel is locked, and since when.
    pub lock: Option<(String, DateTime<Utc>)>,
    pub onboarded_at: DateTime<Utc>,
}

/// Keeps the row.
#[derive(Debug, Clone, Copy, Default)]
pub struct TenantProjector;

impl Projector for TenantProjector {
    const NAME: &'static str = "tenants";

    fn interest(&self) -> Interest {
        Interest::Types(&[Tenant::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let mut row = tenant(tx).await?;
        for (recorded, event) in decode_all(events)? {
            if let AnyEvent::Tenant(event) = event {
                apply(&mut row, recorded.tenant, event);
            }
        }
        match row {
            Some(row) => store(tx, &row).await,
            None => Ok(()),
        }
    }
}

fn apply(row: &mut Option<TenantRow>, tenant: TenantId, event: TenantEvent) {
    if let TenantEvent::Onboarded(onboarded) = event {
        *row = Some(onboarded_row(tenant, *onboarded));
        return;
    }
    let Some(row) = row else { return };
    match event {
        // The runner removes the row of an erased tenant itself.
        TenantEvent::Onboarded(_) | TenantEvent::Erased(_) => {}
        TenantEvent::Renamed(renamed) => row.name = renamed.name,
        TenantEvent::EntitlementsApplied(applied) => row.entitlements = applied.entitlements,
        TenantEvent::PanelLocked(locked) => row.lock = Some((locked.reason, locked.at)),
        TenantEvent::PanelUnlocked(_) => row.lock = None,
        TenantEvent::SettingsChanged(changed) => row.settings.set(changed.section),
    }
}

fn onboarded_row(tenant: TenantId, onboarded: TenantOnboarded) -> TenantRow {
    TenantRow {
        tenant,
        name: onboarded.name,
        subdomain: onboarded.subdomain,
        settings: onboarded.settings,
        entitlements: onboarded.entitlements,
        lock: None,
        onboarded_at: onboarded.at,
    }
}

async fn store(tx: &mut TenantTx, row: &TenantRow) -> Result<(), HandlerError> {
    let (reason, locked_at) = row.lock.clone().unzip();
    sqlx::query!(
        "INSERT INTO tenants (tenant_id, name, subdomain, settings, entitlements, lock_reason, locked_at, onboarded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT ON CONSTRAINT tenants_pkey DO UPDATE SET
             (name, settings, entitlements, lock_reason, locked_at)
             = ROW (excluded.name, excluded.settings, excluded.entitlements, excluded.lock_reason, excluded.locked_at)",
        row.tenant.as_uuid(),
        row.name,
        row.subdomain.as_str(),
        json(&row.settings),
        json(&row.entitlements),
        reason,
        locked_at,
        row.onboarded_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The tenant of the transaction; `None` before it was onboarded.
pub async fn tenant(tx: &mut TenantTx) -> Result<Option<TenantRow>, QueryError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "SELECT name, subdomain, settings, entitlements, lock_reason, locked_at, onboarded_at FROM tenants
         WHERE tenant_id = $1",
        tenant.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        Ok(TenantRow {
            tenant,
            name: row.name,
            subdomain: read("subdomain", row.subdomain)?,
            settings: read("settings", row.settings)?,
            entitlements: read("entitlements", row.entitlements)?,
            lock: row.lock_reason.zip(row.locked_at),
            onboarded_at: row.onboarded_at,
        })
    })
    .transpose()
}
