//! What each event does to a row of [`super::subscription_list`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use simpul_domain::{
    SubscriptionId,
    network::{ProvisioningEvent, provisioning::ProvisioningFailed},
    subscriptions::{SubscriptionEvent, SubscriptionStatus, subscription::SubscriptionOpened},
};

use super::{
    subscription_list::{Failure, Provisioned, SubscriptionRow},
    subscription_of,
};

pub(super) type Rows = BTreeMap<SubscriptionId, SubscriptionRow>;

/// `position` is the event's place in the log, which versions what the router must hold (docs/adr/0006).
pub(super) fn apply(rows: &mut Rows, event: &SubscriptionEvent, position: u64) {
    if let SubscriptionEvent::Opened(opened) = event {
        rows.insert(opened.subscription, opened_row(opened));
        return;
    }
    let Some(row) = rows.get_mut(&subscription_of(event)) else {
        return;
    };
    match event {
        SubscriptionEvent::Opened(_) => {}
        SubscriptionEvent::Activated(event) => {
            row.activated_at = row.activated_at.or(Some(event.at));
            change(row, SubscriptionStatus::Active, None, position, event.at);
        }
        SubscriptionEvent::OverdueNoted(event) => {
            row.overdue.insert(event.invoice);
        }
        SubscriptionEvent::Isolated(event) => {
            change(row, SubscriptionStatus::Isolated, None, position, event.at);
        }
        SubscriptionEvent::OverdueCleared(event) => {
            row.overdue.remove(&event.invoice);
        }
        SubscriptionEvent::IsolirLifted(event) => {
            change(row, SubscriptionStatus::Active, None, position, event.at);
        }
        SubscriptionEvent::Suspended(event) => {
            let reason = Some(event.reason.clone());
            change(row, SubscriptionStatus::Suspended, reason, position, event.at);
        }
        SubscriptionEvent::Resumed(event) => {
            change(row, SubscriptionStatus::Active, None, position, event.at);
        }
        SubscriptionEvent::Stopped(event) => {
            let reason = Some(event.reason.clone());
            change(row, SubscriptionStatus::Stopped, reason, position, event.at);
        }
        SubscriptionEvent::Terminated(event) => {
            let reason = Some(event.reason.clone());
            change(row, SubscriptionStatus::Terminated, reason, position, event.at);
        }
        SubscriptionEvent::PlanChanged(event) => {
            row.plan = event.terms.plan;
            row.plan_name.clone_from(&event.terms.name);
            row.download_kbps = event.terms.download_kbps;
            row.upload_kbps = event.terms.upload_kbps;
            row.price = event.terms.price;
            row.desired_version = position;
        }
        SubscriptionEvent::SecretChanged(_) => row.desired_version = position,
    }
}

fn change(
    row: &mut SubscriptionRow,
    status: SubscriptionStatus,
    reason: Option<String>,
    desired_version: u64,
    at: DateTime<Utc>,
) {
    row.status = status;
    row.status_reason = reason;
    row.status_since = at;
    row.isolated_since = (status == SubscriptionStatus::Isolated).then_some(at);
    row.desired_version = desired_version;
}

fn opened_row(opened: &SubscriptionOpened) -> SubscriptionRow {
    SubscriptionRow {
        subscription: opened.subscription,
        customer: opened.customer,
        plan: opened.terms.plan,
        plan_name: opened.terms.name.clone(),
        download_kbps: opened.terms.download_kbps,
        upload_kbps: opened.terms.upload_kbps,
        price: opened.terms.price,
        router: opened.router,
        username: opened.username.clone(),
        due_day: opened.due_day,
        zone: opened.zone,
        installed_on: opened.installed_on,
        status: SubscriptionStatus::Pending,
        status_reason: None,
        status_since: opened.at,
        opened_at: opened.at,
        activated_at: None,
        isolated_since: None,
        overdue: std::collections::BTreeSet::new(),
        desired_version: 0,
        provisioned: None,
        failure: None,
        version: 0,
    }
}

pub(super) fn apply_provisioning(rows: &mut Rows, event: &ProvisioningEvent) {
    match event {
        ProvisioningEvent::Confirmed(confirmed) => {
            if let Some(row) = rows.get_mut(&confirmed.subscription) {
                row.provisioned = Some(Provisioned {
                    version: confirmed.desired_version,
                    access: confirmed.access,
                    at: confirmed.at,
                });
                row.failure = None;
            }
        }
        ProvisioningEvent::Failed(failed) => {
            if let Some(row) = rows.get_mut(&failed.subscription) {
                row.failure = Some(failure(failed));
            }
        }
    }
}

fn failure(failed: &ProvisioningFailed) -> Failure {
    Failure {
        kind: failed.kind,
        version: failed.desired_version,
        attempt: failed.attempt,
        at: failed.at,
        next_try_at: failed.next_try_at,
    }
}
