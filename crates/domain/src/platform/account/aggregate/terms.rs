//! Plan, limits and features of an account.

use chrono::{DateTime, Utc};

use super::{
    super::{
        AccountError, AccountEvent, FeatureToggled, LimitOverridden, LimitOverrideCleared, Override,
        PlanChanged, Toggle,
    },
    Details,
};
use crate::{platform::PlanTerms, tenancy::Resource};

impl Details {
    pub(super) fn change_plan(&self, plan: PlanTerms, at: DateTime<Utc>) -> Vec<AccountEvent> {
        if plan == self.granted.plan {
            return Vec::new();
        }
        vec![AccountEvent::PlanChanged(PlanChanged {
            tenant: self.tenant,
            previous: self.granted.plan.key.clone(),
            previous_price: self.granted.plan.price,
            plan,
            at,
        })]
    }

    pub(super) fn override_limit(
        &self,
        resource: Resource,
        change: Override,
        at: DateTime<Utc>,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        if change.price.get() < 0 {
            return Err(AccountError::PriceNegative);
        }
        let previous = self
            .granted
            .overrides
            .get(&resource)
            .map(|(previous, _)| *previous);
        if previous == Some(change) {
            return Ok(Vec::new());
        }
        Ok(vec![AccountEvent::LimitOverridden(LimitOverridden {
            tenant: self.tenant,
            resource,
            change,
            previous,
            at,
        })])
    }

    pub(super) fn clear_override(&self, resource: Resource, at: DateTime<Utc>) -> Vec<AccountEvent> {
        let previous = self.granted.overrides.get(&resource);
        let cleared = previous.map(|&(previous, _)| {
            AccountEvent::LimitOverrideCleared(LimitOverrideCleared {
                tenant: self.tenant,
                resource,
                previous,
                at,
            })
        });
        cleared.into_iter().collect()
    }

    pub(super) fn toggle(&self, subject: Toggle, on: Option<bool>, at: DateTime<Utc>) -> Vec<AccountEvent> {
        let current = match &subject {
            Toggle::Group(group) => self.granted.groups.get(group),
            Toggle::Feature(feature) => self.granted.features.get(feature),
        };
        if current.copied() == on {
            return Vec::new();
        }
        vec![AccountEvent::FeatureToggled(FeatureToggled {
            tenant: self.tenant,
            subject,
            on,
            at,
        })]
    }

    pub(super) fn toggled(&mut self, toggled: &FeatureToggled) {
        match (toggled.subject, toggled.on) {
            (Toggle::Group(group), Some(on)) => {
                self.granted.groups.insert(group, on);
            }
            (Toggle::Group(group), None) => {
                self.granted.groups.remove(&group);
            }
            (Toggle::Feature(feature), Some(on)) => {
                self.granted.features.insert(feature, on);
            }
            (Toggle::Feature(feature), None) => {
                self.granted.features.remove(&feature);
            }
        }
    }
}
