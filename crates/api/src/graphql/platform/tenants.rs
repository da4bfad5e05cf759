//! Tenants as the platform sees them.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use simpul_app::{
    permission,
    platform::{ChangeStanding, Standing},
};
use simpul_domain::{
    TenantId,
    platform::account::{AccountStatus, ChargeKind, HoldingStatus},
};
use simpul_event_store::{
    feed::{self, Projector as _},
    inline::quota::{self, Usage},
};
use simpul_projections::{
    platform::account_list::{self, AccountListProjector, AccountRow},
    sift::{Sieve, Siftable},
};

use super::{health::TenantHealth, owners::TenantOwner};
use crate::{
    ApiError,
    graphql::{
        batch,
        limits::{LimitUsage, usages},
        page::{Asked, Listed, Window, sifted},
        scalar::{DateTime, Money, version},
        scope::{SOME_REASON, Scope, scope},
        sift::{
            BooleanComparator, DateTimeComparator, IntComparator, Stored, TextComparator, WordComparator,
            filter, order, order_of, sieve, term, within,
        },
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

impl Stored for TenantStatus {
    fn stored(self) -> String {
        let status = match self {
            Self::Active => AccountStatus::Active,
            Self::Deactivated => AccountStatus::Deactivated,
            Self::Deleting => AccountStatus::Deleting,
            Self::Deleted => AccountStatus::Deleted,
        };
        status.as_str().to_owned()
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

    /// How it goes with its work, in numbers: its queues, its routers, and those who read its log.
    async fn health(&self, context: &Context<'_>) -> Result<Option<TenantHealth>> {
        Ok(batch::one(scope(context)?, self.tenant).await?)
    }

    /// Whether the viewer could lock its panel now.
    async fn viewer_can_panel_lock(&self, context: &Context<'_>) -> Result<bool> {
        let reason = SOME_REASON.to_owned();
        self.could(context, Standing::LockPanel { reason }).await
    }

    /// Whether the viewer could unlock its panel now.
    async fn viewer_can_panel_unlock(&self, context: &Context<'_>) -> Result<bool> {
        self.could(context, Standing::UnlockPanel).await
    }

    /// Whether the viewer could deactivate it now.
    async fn viewer_can_deactivate(&self, context: &Context<'_>) -> Result<bool> {
        let reason = SOME_REASON.to_owned();
        self.could(context, Standing::Deactivate { reason }).await
    }

    /// Whether the viewer could activate it again now.
    async fn viewer_can_activate(&self, context: &Context<'_>) -> Result<bool> {
        self.could(context, Standing::Activate).await
    }

    /// Whether the viewer could order its deletion now.
    async fn viewer_can_delete(&self, context: &Context<'_>) -> Result<bool> {
        self.could(context, Standing::Delete).await
    }

    /// Whether the viewer could take the order of its deletion back now.
    async fn viewer_can_restore(&self, context: &Context<'_>) -> Result<bool> {
        self.could(context, Standing::Restore).await
    }
}

impl ManagedTenant {
    async fn could(&self, context: &Context<'_>, standing: Standing) -> Result<bool> {
        let tenant = self.tenant;
        Ok(scope(context)?.could(ChangeStanding { tenant, standing }).await?)
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
        let usage = usage(scope, &[tenant]).await?;
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
async fn usage(scope: &Scope, tenants: &[TenantId]) -> Result<Vec<Usage>, ApiError> {
    let mut tx = scope.state().store().db().system_tx().await?;
    let usage = quota::usage_of(&mut tx, tenants).await?;
    tx.commit().await?;
    Ok(usage)
}

filter! {
    /// Which tenants; everything that is given must hold.
    TenantFilter {
        /// What it is called.
        name: TextComparator = account_list::NAME,
        /// Where its pages are.
        subdomain: TextComparator = account_list::SUBDOMAIN,
        /// How it stands.
        status: WordComparator<TenantStatus> = account_list::STATUS,
        /// The key of its plan.
        plan: TextComparator = account_list::PLAN,
        /// Whether its panel is locked.
        panel_locked: BooleanComparator = account_list::LOCKED,
        /// How many of its requests for add-ons wait for the platform.
        requests: IntComparator = account_list::PENDING,
        /// Since when it is a tenant.
        opened_at: DateTimeComparator = account_list::OPENED_AT,
    }
}

order! {
    TenantOrder by TenantOrderField {
        /// Since when it is a tenant.
        OpenedAt = account_list::OPENED_AT,
        /// What it is called.
        Name = account_list::NAME,
        /// Where its pages are.
        Subdomain = account_list::SUBDOMAIN,
        /// The key of its plan.
        Plan = account_list::PLAN,
        /// How many of its requests for add-ons wait for the platform.
        Requests = account_list::PENDING,
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
        #[graphql(desc = "0 to 10,000 rows that are passed over; goes with `first` only.")] offset: Option<
            i32,
        >,
        #[graphql(desc = "Which tenants; all when absent.")] filter: Option<TenantFilter>,
        #[graphql(desc = "At most three keys; newest first when absent.")] order_by: Option<Vec<TenantOrder>>,
        #[graphql(desc = "A part of the name or the subdomain; 2 to 100 characters.")] search: Option<String>,
    ) -> Result<Listed<ManagedTenant>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let window = Window::both(first, after, last, before).behind(offset);
        let asked = Asked::of(context, LIST, window)?;
        let mut sieve = sieve(filter.as_ref())?;
        if let Some(term) = search.as_deref().map(term).transpose()? {
            let found = within(&[account_list::NAME, account_list::SUBDOMAIN], term);
            sieve = Sieve::All(vec![sieve, found]);
        }
        let sift = asked.sift(sieve, order_of(order_by)?);
        let mut tx = scope.read(&[AccountListProjector::NAME]).await?;
        let passed = AccountRow::sifted(&mut tx, &sift).await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        let tenants: Vec<TenantId> = passed.rows.iter().map(|(_, row)| row.tenant).collect();
        let usage = usage(scope, &tenants).await?;
        Ok(sifted(&asked, passed, |row| ManagedTenant::new(&row, &usage)))
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
