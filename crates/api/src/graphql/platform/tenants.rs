//! Tenants as the platform sees them.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::permission;
use simpul_domain::{
    TenantId,
    platform::{
        PlanKey,
        account::{AccountStatus, ChargeKind, HoldingStatus},
    },
};
use simpul_event_store::{
    feed::{self, Projector as _},
    inline::quota::{self, Usage},
};
use simpul_projections::platform::account_list::{self, AccountFilter, AccountListProjector, AccountRow};

use super::owners::TenantOwner;
use crate::{
    ApiError,
    graphql::{
        limits::{LimitUsage, usages},
        page::{Asked, Listed, Window, connection, nothing},
        scalar::{DateTime, Money, version},
        scope::{Scope, scope},
    },
};

const LIST: &str = "tenants";

/// How a tenant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum TenantStatus {
    /// At work.
    Active,
    /// Nobody of it gets in.
    Deactivated,
    /// Deleted when the days of grace are over.
    Deleting,
    /// Nothing of it can be read.
    Deleted,
}

impl From<TenantStatus> for AccountStatus {
    fn from(status: TenantStatus) -> Self {
        match status {
            TenantStatus::Active => Self::Active,
            TenantStatus::Deactivated => Self::Deactivated,
            TenantStatus::Deleting => Self::Deleting,
            TenantStatus::Deleted => Self::Deleted,
        }
    }
}

const fn shown(status: AccountStatus) -> TenantStatus {
    match status {
        AccountStatus::Absent | AccountStatus::Active => TenantStatus::Active,
        AccountStatus::Deactivated => TenantStatus::Deactivated,
        AccountStatus::Deleting => TenantStatus::Deleting,
        AccountStatus::Deleted => TenantStatus::Deleted,
    }
}

/// How far a request for an add-on has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum HeldStatus {
    /// Waits for the platform.
    Requested,
    /// Granted and charged.
    Active,
    /// Granted until the end of its period.
    Ending,
    /// Not granted.
    Rejected,
    /// Granted no more.
    Ended,
}

/// An add-on that a tenant asked for.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct HeldAddOn {
    /// Of the request.
    id: ID,
    /// Of the add-on.
    key: String,
    /// How many pieces.
    quantity: i32,
    /// How far it has come.
    status: HeldStatus,
    /// When it ends, if it was cancelled.
    ends_at: Option<DateTime>,
}

/// What a tenant owes again and again.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TenantCharge {
    /// What for.
    name: String,
    /// How many pieces.
    quantity: i32,
    /// Of one piece, for one cycle.
    unit_price: Money,
    /// Whether the price is for a limit that was raised by hand.
    is_override: bool,
    /// Since when.
    since: DateTime,
}

/// A domain that a tenant may not have.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct RevokedDomain {
    /// Such as `billing.wifimaju.id`.
    name: String,
    /// As the tenant was told.
    reason: String,
    /// When it was taken away.
    at: DateTime,
}

/// A tenant as a customer of the platform.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct ManagedTenant {
    /// Opaque.
    pub(super) id: ID,
    /// Of the operator.
    name: String,
    /// Under which its pages live.
    subdomain: String,
    /// How it stands.
    status: TenantStatus,
    /// Its plan.
    plan: String,
    /// Why its panel is locked, if it is.
    panel_lock: Option<String>,
    /// Whether its lines are to be refused by RADIUS. Recorded and granted to the tenant; a server that answers RADIUS reads
    /// it there, and without one no line is cut.
    radius_cut_off: bool,
    /// Limits, with what is used of them.
    limits: Vec<LimitUsage>,
    /// Features that are switched on.
    features: Vec<String>,
    /// Add-ons that it asked for.
    add_ons: Vec<HeldAddOn>,
    /// What it owes per cycle.
    charges: Vec<TenantCharge>,
    /// Domains that were taken away from it.
    revoked_domains: Vec<RevokedDomain>,
    /// When it was onboarded.
    opened_at: DateTime,
    /// When its data is destroyed, if that is ordered.
    deletion_due: Option<DateTime>,
    /// Which version this is; sent back as `expectedVersion`, it has a change refused if somebody was faster.
    version: i32,
    #[graphql(skip)]
    tenant: TenantId,
}

#[ComplexObject]
impl ManagedTenant {
    /// When something last happened in its log; null before it was founded.
    async fn last_activity_at(&self, context: &Context<'_>) -> Result<Option<DateTime>> {
        let store = scope(context)?.state().store();
        let last = feed::last_event_at(store, self.tenant)
            .await
            .map_err(ApiError::from)?;
        Ok(last.map(DateTime))
    }

    /// Who owns it, newest first, at most 20: those who are disabled or have not joined yet too.
    /// Permission: platform.tenants
    async fn owners(&self, context: &Context<'_>) -> Result<Option<Vec<TenantOwner>>> {
        Ok(Some(TenantOwner::of(scope(context)?, self.tenant).await?))
    }
}

impl ManagedTenant {
    fn new(row: &AccountRow, usage: &[Usage]) -> Self {
        let account = &row.account;
        let granted = account.granted();
        let entitlements = account.entitlements().map(|(_, entitlements)| entitlements);
        Self {
            id: row.tenant.to_string().into(),
            name: account.name().unwrap_or_default().to_owned(),
            subdomain: account.subdomain().map(ToString::to_string).unwrap_or_default(),
            status: shown(account.status()),
            plan: granted
                .map(|granted| granted.plan.key.to_string())
                .unwrap_or_default(),
            panel_lock: account.panel_lock().map(str::to_owned),
            radius_cut_off: entitlements.is_some_and(|granted| granted.radius_cut_off),
            limits: usages(usage, row.tenant),
            features: entitlements
                .into_iter()
                .flat_map(|granted| &granted.features)
                .map(|feature| feature.as_str().to_owned())
                .collect(),
            add_ons: held(account),
            charges: charges(account),
            revoked_domains: revoked(account),
            opened_at: DateTime(row.opened_at),
            deletion_due: account.deletion_due().map(DateTime),
            version: version(row.version),
            tenant: row.tenant,
        }
    }

    /// For payloads.
    pub(crate) async fn load(scope: &Arc<Scope>, tenant: TenantId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::PLATFORM_READ).await?;
        let mut tx = scope.read(&[AccountListProjector::NAME]).await?;
        let rows = account_list::by_ids(&mut tx, &[tenant]).await?;
        tx.commit().await?;
        let usage = usage(scope, &rows).await?;
        Ok(rows.into_iter().next().map(|row| Self::new(&row, &usage)))
    }
}

fn held(account: &simpul_domain::platform::Account) -> Vec<HeldAddOn> {
    let orders = account.granted().into_iter().flat_map(|granted| &granted.add_ons);
    orders
        .map(|(order, holding)| {
            let (status, ends_at) = match holding.status {
                HoldingStatus::Requested => (HeldStatus::Requested, None),
                HoldingStatus::Active { .. } => (HeldStatus::Active, None),
                HoldingStatus::Ending { ends_at, .. } => (HeldStatus::Ending, Some(ends_at)),
                HoldingStatus::Rejected => (HeldStatus::Rejected, None),
                HoldingStatus::Ended => (HeldStatus::Ended, None),
            };
            HeldAddOn {
                id: order.to_string().into(),
                key: holding.key.to_string(),
                quantity: i32::try_from(holding.quantity).unwrap_or(i32::MAX),
                status,
                ends_at: ends_at.map(DateTime),
            }
        })
        .collect()
}

fn revoked(account: &simpul_domain::platform::Account) -> Vec<RevokedDomain> {
    let revoked = account.revoked_domains().map(|(name, revocation)| RevokedDomain {
        name: name.to_string(),
        reason: revocation.reason.clone(),
        at: DateTime(revocation.at),
    });
    revoked.collect()
}

fn charges(account: &simpul_domain::platform::Account) -> Vec<TenantCharge> {
    let charges = account.charges().into_iter().map(|charge| TenantCharge {
        is_override: matches!(charge.kind, ChargeKind::Override(_)),
        name: charge.name,
        quantity: i32::try_from(charge.quantity).unwrap_or(i32::MAX),
        unit_price: charge.unit_price.into(),
        since: DateTime(charge.since),
    });
    charges.collect()
}

/// What these tenants use: numbers of the platform's own, not of their logs.
async fn usage(scope: &Scope, rows: &[AccountRow]) -> Result<Vec<Usage>, ApiError> {
    let tenants: Vec<TenantId> = rows.iter().map(|row| row.tenant).collect();
    let mut tx = scope.state().store().db().system_tx().await?;
    let usage = quota::usage_of(&mut tx, &tenants).await?;
    tx.commit().await?;
    Ok(usage)
}

/// Which tenants; every given part must hold.
#[derive(Debug, Default, InputObject)]
pub(crate) struct TenantFilter {
    /// Part of the name or the subdomain.
    search: Option<String>,
    /// Tenants that stand so.
    status: Option<TenantStatus>,
    /// Tenants on this plan.
    plan: Option<String>,
    /// Tenants whose panel is locked, or is not.
    panel_locked: Option<bool>,
    /// Only tenants whose request for an add-on waits for the platform.
    #[graphql(default)]
    has_requests: bool,
}

impl TenantFilter {
    /// `None` when the plan cannot be one: no tenant matches.
    fn wanted(self) -> Option<AccountFilter> {
        Some(AccountFilter {
            search: self.search.filter(|text| !text.trim().is_empty()),
            status: self.status.map(Into::into),
            plan: self.plan.map(|plan| PlanKey::parse(&plan)).transpose().ok()?,
            locked: self.panel_locked,
            pending: self.has_requests,
        })
    }
}

/// Questions about tenants.
#[derive(Debug, Default)]
pub(crate) struct TenantsQuery;

#[Object]
impl TenantsQuery {
    /// Tenants, newest first; at most 100 a page.
    /// Permission: platform.read
    async fn tenants(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "Which tenants; all when absent.")] filter: Option<TenantFilter>,
    ) -> Result<Listed<ManagedTenant>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let Some(wanted) = filter.unwrap_or_default().wanted() else {
            return Ok(nothing());
        };
        let mut tx = scope.read(&[AccountListProjector::NAME]).await?;
        let slice = account_list::list(&mut tx, &wanted, asked.page()?)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        let usage = usage(scope, &slice.rows).await?;
        Ok(connection(&asked, slice, |row| ManagedTenant::new(&row, &usage)))
    }

    /// One tenant.
    /// Permission: platform.read
    async fn tenant(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the tenant.")] id: ID,
    ) -> Result<Option<ManagedTenant>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        match id.parse() {
            Ok(tenant) => Ok(ManagedTenant::load(scope, tenant).await?),
            Err(_) => Ok(None),
        }
    }
}
