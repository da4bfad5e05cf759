//! What policies are told of the tenant, the line and the platform: read when they react, checked again by the command that
//! follows.

use std::collections::BTreeSet;

use simpul_domain::{
    CustomerId, TenantId,
    billing::{cycle::CycleFacts, dunning::DunningFacts},
    customers::{Customer, customer::CustomerStatus},
    messaging::{receipts::ReceiptFacts, sender::Channel},
    policy::Intent,
    saas::{Terms, terms::BillingTerms},
    subscriptions::Subscription,
    tenancy::{Feature, Tenant},
};
use simpul_event_store::{Recorded, feed::HandlerError};

use super::Policies;
use crate::saas::TERMS;

pub(super) fn dunning(operator: &Tenant) -> DunningFacts {
    let settings = operator.settings();
    DunningFacts {
        reminder_days: settings.dunning.reminder_days.clone(),
        grace_days: settings.dunning.grace_days.get(),
        fines: settings.dunning.late_fee.is_some(),
        calendar: settings.calendar.clone(),
    }
}

/// Which messages customers of the operator get.
pub(super) fn receipts(operator: &Tenant) -> ReceiptFacts {
    ReceiptFacts {
        enabled: if operator.has(Feature::Whatsapp) {
            operator.settings().messaging.kinds.clone()
        } else {
            BTreeSet::new()
        },
        channel: Channel::Whatsapp,
    }
}

impl Policies {
    /// Whether the platform knows whom to write to: an operator is billed before anybody has said so.
    pub(super) async fn is_reachable(&self, intent: &Intent) -> Result<bool, HandlerError> {
        let Intent::QueueMessage { customer, .. } = intent else {
            return Ok(true);
        };
        let store = self.bus.store();
        let (payer, _) = store
            .load::<Customer>(TenantId::PLATFORM, &customer.to_string())
            .await?;
        Ok(matches!(payer.status(), CustomerStatus::Registered { .. }))
    }

    pub(super) async fn terms(&self) -> Result<BillingTerms, HandlerError> {
        let store = self.bus.store();
        let (state, _) = store.load::<Terms>(TenantId::PLATFORM, TERMS).await?;
        Ok(state.current().clone())
    }

    /// What the line and its operator say about its bills.
    pub(super) async fn cycle(
        &self,
        operator: &Tenant,
        event: &Recorded,
    ) -> Result<Option<CycleFacts>, HandlerError> {
        let store = self.bus.store();
        let (line, _) = store
            .load::<Subscription>(event.tenant, &event.aggregate_id)
            .await?;
        let settings = operator.settings();
        let known = line.due_day().zip(line.installed_on());
        Ok(known.map(|(due_day, installed_on)| CycleFacts {
            due_day,
            installed_on,
            zone: settings.region.zone,
            issue_days_ahead: settings.invoicing.issue_days_ahead.get(),
        }))
    }

    pub(super) async fn tenant(&self, tenant: TenantId) -> Result<Tenant, HandlerError> {
        let id = tenant.to_string();
        let (state, _) = self.bus.store().load::<Tenant>(tenant, &id).await?;
        Ok(state)
    }

    pub(super) async fn customer_of(
        &self,
        tenant: TenantId,
        subscription: &str,
    ) -> Result<Option<CustomerId>, HandlerError> {
        let (state, _) = self
            .bus
            .store()
            .load::<Subscription>(tenant, subscription)
            .await?;
        Ok(state.customer())
    }
}
