//! Service lines with their money trouble and what is proved about their router.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use simpul_domain::{
    AnyEvent, CustomerId, Decider, InvoiceId, RouterId, Rupiah, ServicePlanId, SubscriptionId,
    billing::DueDay,
    network::{Access, Provisioning, ProvisioningEvent, provisioning::FailureKind},
    subscriptions::{PppUsername, Subscription, SubscriptionStatus},
    time::Zone,
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, Projector},
};
use sqlx::types::Uuid;

pub use super::subscription_rows::{
    CUSTOMER, OPENED_AT, PLAN, PRICE, ROUTER, STATUS, STATUS_SINCE, USERNAME, list,
};
use super::{
    fold::{self, Rows},
    subscription_of,
    subscription_rows::{by_id, store},
};
use crate::{
    Keyed, Position, QueryError,
    event::{decode_all, key_of},
    stored::column,
};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRow {
    pub subscription: SubscriptionId,
    pub customer: CustomerId,
    pub plan: ServicePlanId,
    pub plan_name: String,
    pub download_kbps: u32,
    pub upload_kbps: u32,
    /// Per month.
    pub price: Rupiah,
    pub router: RouterId,
    pub username: PppUsername,
    pub due_day: DueDay,
    pub zone: Zone,
    pub installed_on: NaiveDate,
    pub status: SubscriptionStatus,
    /// Why it was suspended, stopped or terminated.
    pub status_reason: Option<String>,
    pub status_since: DateTime<Utc>,
    pub opened_at: DateTime<Utc>,
    pub activated_at: Option<DateTime<Utc>>,
    pub isolated_since: Option<DateTime<Utc>>,
    /// Invoices that are overdue.
    pub overdue: BTreeSet<InvoiceId>,
    /// Position in the log of the last event of the line that changed what the router should hold; 0 before the
    /// first activation.
    pub desired_version: u64,
    /// What it was last proved to hold.
    pub provisioned: Option<Provisioned>,
    /// Why it does not hold the desired version, if a try has failed since the last proof.
    pub failure: Option<Failure>,
    /// Of the stream, with the last event that the row tells of.
    pub version: i64,
}

/// Proof that a router holds a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provisioned {
    pub version: u64,
    pub access: Access,
    pub at: DateTime<Utc>,
}

/// The last failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    pub version: u64,
    pub attempt: u32,
    pub at: DateTime<Utc>,
    pub next_try_at: DateTime<Utc>,
}

impl SubscriptionRow {
    /// Whether the router is proved to hold what is wanted.
    pub fn is_confirmed(&self) -> bool {
        self.provisioned
            .is_some_and(|proof| proof.version >= self.desired_version)
    }
}

/// Keeps the list.
#[derive(Debug, Clone, Copy, Default)]
pub struct SubscriptionListProjector;

impl Projector for SubscriptionListProjector {
    const NAME: &'static str = "subscriptions";

    fn key(&self, event: &Recorded) -> String {
        key_of(event, "subscription")
    }

    fn interest(&self) -> Interest {
        Interest::Types(&[Subscription::TYPE, Provisioning::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events = decode_all(events)?;
        let ids: Vec<Uuid> = events.iter().filter_map(|(_, event)| touched(event)).collect();
        let found = by_id(tx, &ids).await?;
        let mut rows: Rows = found.into_iter().map(|row| (row.subscription, row)).collect();
        for (recorded, event) in &events {
            match event {
                AnyEvent::Subscription(event) => {
                    fold::apply(&mut rows, event, recorded.tenant_seq.unsigned_abs());
                    if let Some(row) = rows.get_mut(&subscription_of(event)) {
                        row.version = recorded.sequence;
                    }
                }
                AnyEvent::Provisioning(event) => fold::apply_provisioning(&mut rows, event),
                _ => {}
            }
        }
        store(tx, &rows.into_values().collect::<Vec<_>>()).await
    }
}

fn touched(event: &AnyEvent) -> Option<Uuid> {
    match event {
        AnyEvent::Subscription(event) => Some(subscription_of(event).as_uuid()),
        AnyEvent::Provisioning(ProvisioningEvent::Confirmed(event)) => Some(event.subscription.as_uuid()),
        AnyEvent::Provisioning(ProvisioningEvent::Failed(event)) => Some(event.subscription.as_uuid()),
        _ => None,
    }
}

impl Keyed for SubscriptionRow {
    fn position(&self) -> Position {
        Position {
            at: self.opened_at,
            id: self.subscription.as_uuid(),
        }
    }
}

/// One line, if it is this customer's.
pub async fn of_customer(
    tx: &mut TenantTx,
    customer: CustomerId,
    subscription: SubscriptionId,
) -> Result<Option<SubscriptionRow>, QueryError> {
    let found = by_id(tx, &[subscription.as_uuid()]).await?.pop();
    Ok(found.filter(|row| row.customer == customer))
}

/// Lines by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[SubscriptionId]) -> Result<Vec<SubscriptionRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}
