//! What happened to a subscription. What a router must do since then is versioned by the event's position in the log
//! (docs/adr/0006), so no event carries a counter of its own.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PppUsername;
use crate::{
    CustomerId, InvoiceId, RouterId, Sealed, SubscriptionId, billing::DueDay, catalog::PlanTerms,
    stored_events, time::Zone,
};

/// Events of `subscriptions.subscription`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SubscriptionEvent {
    #[serde(rename = "subscriptions.subscription.opened")]
    Opened(Box<SubscriptionOpened>),
    #[serde(rename = "subscriptions.subscription.activated")]
    Activated(SubscriptionActivated),
    #[serde(rename = "subscriptions.subscription.overdue_noted")]
    OverdueNoted(OverdueNoted),
    #[serde(rename = "subscriptions.subscription.isolated")]
    Isolated(SubscriptionIsolated),
    #[serde(rename = "subscriptions.subscription.overdue_cleared")]
    OverdueCleared(OverdueCleared),
    #[serde(rename = "subscriptions.subscription.isolir_lifted")]
    IsolirLifted(IsolirLifted),
    #[serde(rename = "subscriptions.subscription.suspended")]
    Suspended(SubscriptionSuspended),
    #[serde(rename = "subscriptions.subscription.resumed")]
    Resumed(SubscriptionResumed),
    #[serde(rename = "subscriptions.subscription.stopped")]
    Stopped(SubscriptionStopped),
    #[serde(rename = "subscriptions.subscription.terminated")]
    Terminated(SubscriptionTerminated),
    #[serde(rename = "subscriptions.subscription.plan_changed")]
    PlanChanged(PlanChanged),
    #[serde(rename = "subscriptions.subscription.secret_changed")]
    SecretChanged(SecretChanged),
}

stored_events!(SubscriptionEvent {
    Opened => "subscriptions.subscription.opened", "1";
    Activated => "subscriptions.subscription.activated", "1";
    OverdueNoted => "subscriptions.subscription.overdue_noted", "1";
    Isolated => "subscriptions.subscription.isolated", "1";
    OverdueCleared => "subscriptions.subscription.overdue_cleared", "1";
    IsolirLifted => "subscriptions.subscription.isolir_lifted", "1";
    Suspended => "subscriptions.subscription.suspended", "1";
    Resumed => "subscriptions.subscription.resumed", "1";
    Stopped => "subscriptions.subscription.stopped", "1";
    Terminated => "subscriptions.subscription.terminated", "1";
    PlanChanged => "subscriptions.subscription.plan_changed", "1";
    SecretChanged => "subscriptions.subscription.secret_changed", "1";
});

/// A service line exists, without service yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionOpened {
    pub subscription: SubscriptionId,
    pub customer: CustomerId,
    pub terms: PlanTerms,
    pub router: RouterId,
    pub username: PppUsername,
    pub secret: Sealed,
    pub due_day: DueDay,
    pub installed_on: NaiveDate,
    pub zone: Zone,
    pub at: DateTime<Utc>,
}

/// Service is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionActivated {
    pub subscription: SubscriptionId,
    pub at: DateTime<Utc>,
}

/// An invoice of the line is overdue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverdueNoted {
    pub subscription: SubscriptionId,
    pub invoice: InvoiceId,
    pub due_on: NaiveDate,
    /// The grace has passed and nothing holds: an active line is isolated for this.
    pub ripe: bool,
    pub at: DateTime<Utc>,
}

/// Service is restricted because of unpaid invoices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionIsolated {
    pub subscription: SubscriptionId,
    pub customer: CustomerId,
    /// Why: the ripe overdue invoices.
    pub invoices: Vec<InvoiceId>,
    pub at: DateTime<Utc>,
}

/// An invoice of the line no longer asks for money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverdueCleared {
    pub subscription: SubscriptionId,
    pub invoice: InvoiceId,
    /// Overdue invoices that remain.
    pub remaining: u32,
    pub at: DateTime<Utc>,
}

/// Nothing overdue remains, so the restriction ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IsolirLifted {
    pub subscription: SubscriptionId,
    pub customer: CustomerId,
    pub at: DateTime<Utc>,
}

/// Service is paused on request or for abuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionSuspended {
    pub subscription: SubscriptionId,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// The pause is over. If unpaid invoices are ripe, an isolation follows at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionResumed {
    pub subscription: SubscriptionId,
    pub at: DateTime<Utc>,
}

/// Service ended because it was long unpaid; equipment may be collected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionStopped {
    pub subscription: SubscriptionId,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// The line is over for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionTerminated {
    pub subscription: SubscriptionId,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// The line is on other terms from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanChanged {
    pub subscription: SubscriptionId,
    pub terms: PlanTerms,
    pub at: DateTime<Utc>,
}

/// The line logs in with another password from now on. A session that has begun goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretChanged {
    pub subscription: SubscriptionId,
    pub secret: Sealed,
    pub at: DateTime<Utc>,
}
