//! A service line and its provisioning.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};
use simpul_app::{
    permission,
    subscriptions::{Change, ChangeSubscription},
};
use simpul_domain::{
    SubscriptionId,
    network::{Access as DomainAccess, provisioning::FailureKind},
    subscriptions::SubscriptionStatus as DomainStatus,
};
use simpul_projections::{
    network::desired::DesiredRow, sift, subscriptions::subscription_list::SubscriptionRow,
};

use crate::{
    ApiError,
    graphql::{
        batch,
        billing::Invoice,
        catalog::ServicePlan,
        customers::Customer,
        network::Router,
        rows::{plain, words},
        scalar::{BigInt, Date, DateTime, Money, version},
        scope::{SOME_REASON, Scope, scope},
        sift::Stored,
    },
};

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum SubscriptionStatus {
    /// Opened, not in service yet.
    Pending,
    /// In service.
    Active,
    /// Unpaid: pay page only.
    Isolated,
    /// On request or for abuse: no service, no pay page.
    Suspended,
    /// Long unpaid.
    Stopped,
    /// For ever.
    Terminated,
}

impl Stored for SubscriptionStatus {
    fn stored(self) -> String {
        sift::word(&DomainStatus::from(self))
    }
}

impl From<DomainStatus> for SubscriptionStatus {
    fn from(status: DomainStatus) -> Self {
        match status {
            // INVARIANT: a row exists from the opening on.
            DomainStatus::Absent | DomainStatus::Pending => Self::Pending,
            DomainStatus::Active => Self::Active,
            DomainStatus::Isolated => Self::Isolated,
            DomainStatus::Suspended => Self::Suspended,
            DomainStatus::Stopped => Self::Stopped,
            DomainStatus::Terminated => Self::Terminated,
        }
    }
}

impl From<SubscriptionStatus> for DomainStatus {
    fn from(status: SubscriptionStatus) -> Self {
        match status {
            SubscriptionStatus::Pending => Self::Pending,
            SubscriptionStatus::Active => Self::Active,
            SubscriptionStatus::Isolated => Self::Isolated,
            SubscriptionStatus::Suspended => Self::Suspended,
            SubscriptionStatus::Stopped => Self::Stopped,
            SubscriptionStatus::Terminated => Self::Terminated,
        }
    }
}

/// What a customer can do with the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "DomainAccess", name = "ServiceAccess")]
pub(crate) enum ServiceAccess {
    /// The plan's speeds.
    Full,
    /// Restricted for unpaid bills.
    Isolated,
    /// Nothing; the account stays on the router.
    Blocked,
    /// Nothing; the account is gone from the router.
    Removed,
}

/// Why a router does not hold what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "FailureKind", name = "ProvisioningFailureKind")]
pub(crate) enum ProvisioningFailureKind {
    /// No answer at the address.
    Offline,
    /// The name does not resolve.
    Dns,
    /// TLS fails or the certificate is not the pinned one.
    Tls,
    /// User name or password are wrong.
    Auth,
    /// The login lacks a policy.
    Permission,
    /// The router refused a command.
    Refused,
    /// The router took too long; what it did is not known.
    Timeout,
    /// Read back, and something else is there.
    ReadBackDiffers,
    /// The router's answer breaks the protocol.
    Protocol,
    /// The address may not be called.
    AddressNotAllowed,
    /// Another router answers at the address.
    WrongRouter,
}

/// How far the router is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ProvisioningState {
    /// Nothing has been wanted of the router yet.
    NotWanted,
    /// Under way.
    Converging,
    /// The last try failed; it is tried again.
    Failing,
    /// Read back, and as wanted.
    Confirmed,
}

/// The last try that failed since the last proof.
#[derive(Debug, SimpleObject)]
pub(crate) struct ProvisioningFailure {
    /// Why.
    kind: ProvisioningFailureKind,
    /// When.
    at: DateTime,
    /// Tries so far.
    attempt: i32,
    /// When it is tried again.
    next_try_at: DateTime,
}

/// What is wanted of the router, and what it was proved to hold.
#[derive(Debug, SimpleObject)]
pub(crate) struct Provisioning {
    /// How far the router is.
    state: ProvisioningState,
    /// Null before the first activation.
    wanted_version: Option<BigInt>,
    /// Null before the first proof.
    confirmed_version: Option<BigInt>,
    /// What the customer was proved to have.
    confirmed_access: Option<ServiceAccess>,
    /// When it was proved.
    confirmed_at: Option<DateTime>,
    /// Null when nothing has failed since the last proof.
    last_failure: Option<ProvisioningFailure>,
}

/// One service line of a customer.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Subscription {
    #[graphql(skip)]
    row: SubscriptionRow,
    /// Opaque.
    pub(crate) id: ID,
    /// With which the customer's equipment dials in.
    username: String,
    /// Where the line stands.
    status: SubscriptionStatus,
    /// Why, if somebody said so.
    status_reason: Option<String>,
    /// Since when.
    status_since: DateTime,
    /// Name of the plan as it was agreed.
    plan_name: String,
    /// Per month, as it was agreed.
    price: Money,
    /// Day of the month on which bills are due, 1 to 31.
    due_day: i32,
    /// When the equipment was installed.
    installed_on: Date,
    /// When the line was opened.
    opened_at: DateTime,
    /// When it was first in service.
    activated_at: Option<DateTime>,
    /// Since when the customer only reaches the pay page; null when not isolated.
    isolated_since: Option<DateTime>,
    /// Which version this is; sent back as `expectedVersion`, it has a change refused if somebody was faster.
    version: i32,
}

impl From<SubscriptionRow> for Subscription {
    fn from(row: SubscriptionRow) -> Self {
        Self {
            id: row.subscription.to_string().into(),
            username: row.username.as_str().to_owned(),
            status: row.status.into(),
            status_reason: row.status_reason.clone(),
            status_since: DateTime(row.status_since),
            plan_name: row.plan_name.clone(),
            price: row.price.into(),
            due_day: row.due_day.get().into(),
            installed_on: Date(row.installed_on),
            opened_at: DateTime(row.opened_at),
            activated_at: row.activated_at.map(DateTime),
            isolated_since: row.isolated_since.map(DateTime),
            version: version(row.version),
            row,
        }
    }
}

words!(SubscriptionStatus);
plain! {
    Subscription {
        "id" => id,
        "username" => username,
        "status" => status,
        "statusReason" => status_reason,
        "statusSince" => status_since,
        "planName" => plan_name,
        "price" => price,
        "dueDay" => due_day,
        "installedOn" => installed_on,
        "openedAt" => opened_at,
        "activatedAt" => activated_at,
        "isolatedSince" => isolated_since,
        "version" => version,
    }
}

#[ComplexObject]
impl Subscription {
    /// The plan.
    async fn plan(&self, context: &Context<'_>) -> Result<Option<ServicePlan>> {
        Ok(ServicePlan::load(scope(context)?, self.row.plan).await?)
    }

    /// Whose line it is.
    /// Permission: customer.read
    async fn customer(&self, context: &Context<'_>) -> Result<Option<Customer>> {
        Ok(Customer::load(scope(context)?, self.row.customer).await?)
    }

    /// Where the line ends.
    /// Permission: router.read
    async fn router(&self, context: &Context<'_>) -> Result<Option<Router>> {
        Ok(Router::load(scope(context)?, self.row.router).await?)
    }

    /// Invoices of the line that are past their due date.
    /// Permission: billing.read
    async fn overdue_invoices(&self, context: &Context<'_>) -> Result<Option<Vec<Invoice>>> {
        let ids: Vec<_> = self.row.overdue.iter().copied().collect();
        Ok(Some(Invoice::load_all(scope(context)?, &ids).await?))
    }

    /// What is wanted of the router, and what it was proved to hold.
    async fn provisioning(&self, context: &Context<'_>) -> Result<Option<Provisioning>> {
        let wanted = batch::one::<DesiredRow>(scope(context)?, self.row.subscription).await?;
        let version = wanted.and_then(|row| row.desired()).map(|state| state.version);
        Ok(Some(provisioning(&self.row, version)))
    }

    /// Whether the viewer could give the line service now.
    async fn viewer_can_activate(&self, context: &Context<'_>) -> Result<bool> {
        self.could(context, Change::Activate).await
    }

    /// Whether the viewer could take service away now.
    async fn viewer_can_suspend(&self, context: &Context<'_>) -> Result<bool> {
        let reason = SOME_REASON.to_owned();
        self.could(context, Change::Suspend { reason }).await
    }

    /// Whether the viewer could end a suspension now.
    async fn viewer_can_resume(&self, context: &Context<'_>) -> Result<bool> {
        self.could(context, Change::Resume).await
    }
}

impl Subscription {
    async fn could(&self, context: &Context<'_>, change: Change) -> Result<bool> {
        let subscription = self.row.subscription;
        let command = ChangeSubscription { subscription, change };
        Ok(scope(context)?.could(command).await?)
    }
}

fn provisioning(row: &SubscriptionRow, wanted: Option<u64>) -> Provisioning {
    let proof = row.provisioned;
    let state = match (wanted, proof) {
        (None, _) => ProvisioningState::NotWanted,
        (Some(wanted), Some(proof)) if proof.version >= wanted => ProvisioningState::Confirmed,
        (Some(_), _) if row.failure.is_some() => ProvisioningState::Failing,
        (Some(_), _) => ProvisioningState::Converging,
    };
    let version = |version: u64| BigInt(i64::try_from(version).unwrap_or(i64::MAX));
    Provisioning {
        state,
        wanted_version: wanted.map(version),
        confirmed_version: proof.map(|proof| version(proof.version)),
        confirmed_access: proof.map(|proof| proof.access.into()),
        confirmed_at: proof.map(|proof| DateTime(proof.at)),
        last_failure: row.failure.map(|failure| ProvisioningFailure {
            kind: failure.kind.into(),
            at: DateTime(failure.at),
            attempt: i32::try_from(failure.attempt).unwrap_or(i32::MAX),
            next_try_at: DateTime(failure.next_try_at),
        }),
    }
}

impl Subscription {
    pub(in crate::graphql) async fn load(
        scope: &Arc<Scope>,
        subscription: SubscriptionId,
    ) -> Result<Option<Self>, ApiError> {
        scope.require(permission::SUBSCRIPTION_READ).await?;
        Ok(batch::one::<SubscriptionRow>(scope, subscription)
            .await?
            .map(Self::from))
    }
}
