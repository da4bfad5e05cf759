//! Add-ons of an account: asked for, granted or not, cancelled, over.

use chrono::{DateTime, Utc};

use super::{
    super::{
        AccountError, AccountEvent, AddOnActivated, AddOnEnded, AddOnEnding, AddOnRejected, AddOnRequested,
        Holding, HoldingStatus, RequestedAddOn,
    },
    Account, Details, checked,
};
use crate::{
    AddOnOrderId,
    platform::{
        AddOnTerms,
        add_on::{Approval, MAX_QUANTITY},
    },
    time::Zone,
};

/// Where the platform's months begin.
const ZONE: Zone = Zone::Jakarta;

impl Account {
    /// A tenant that is on its way out is told so, as the answer to its request.
    pub(super) fn request_add_on(
        &self,
        order: AddOnOrderId,
        add_on: RequestedAddOn,
        quantity: u32,
        at: DateTime<Utc>,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        let details = self.known()?;
        if details.granted.add_ons.contains_key(&order) {
            return Ok(Vec::new());
        }
        let tenant = details.tenant;
        let rejected = |key, reason: &str| {
            AccountEvent::AddOnRejected(AddOnRejected {
                tenant,
                order,
                key,
                quantity,
                reason: reason.to_owned(),
                at,
            })
        };
        let event = match (self.open(), add_on) {
            (_, RequestedAddOn::Unknown(key)) => rejected(key, "not on offer"),
            (Err(_), RequestedAddOn::Offered(terms)) => rejected(terms.key, "the account is closed"),
            (Ok(_), RequestedAddOn::Offered(terms)) if !(1..=MAX_QUANTITY).contains(&quantity) => {
                rejected(terms.key, "an order is for 1 to 1000 pieces")
            }
            (Ok(_), RequestedAddOn::Offered(terms)) => match terms.approval {
                Approval::Automatic => details.activated(order, *terms, quantity, at),
                Approval::Required => AccountEvent::AddOnRequested(AddOnRequested {
                    tenant,
                    order,
                    terms: *terms,
                    quantity,
                    at,
                }),
            },
        };
        Ok(vec![event])
    }
}

impl Details {
    const fn activated(
        &self,
        order: AddOnOrderId,
        terms: AddOnTerms,
        quantity: u32,
        at: DateTime<Utc>,
    ) -> AccountEvent {
        AccountEvent::AddOnActivated(AddOnActivated {
            tenant: self.tenant,
            order,
            terms,
            quantity,
            at,
        })
    }

    fn holding(&self, order: AddOnOrderId) -> Result<&Holding, AccountError> {
        self.granted.add_ons.get(&order).ok_or(AccountError::NoSuchOrder)
    }

    pub(super) fn approve(
        &self,
        order: AddOnOrderId,
        at: DateTime<Utc>,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        let holding = self.holding(order)?;
        match (holding.status, &holding.terms) {
            (HoldingStatus::Requested, Some(terms)) => {
                Ok(vec![self.activated(order, terms.clone(), holding.quantity, at)])
            }
            (HoldingStatus::Active { .. }, _) => Ok(Vec::new()),
            (
                HoldingStatus::Requested
                | HoldingStatus::Ending { .. }
                | HoldingStatus::Rejected
                | HoldingStatus::Ended,
                _,
            ) => Err(AccountError::OrderDecided),
        }
    }

    pub(super) fn reject(
        &self,
        order: AddOnOrderId,
        reason: String,
        at: DateTime<Utc>,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        let holding = self.holding(order)?;
        match holding.status {
            HoldingStatus::Requested => Ok(vec![AccountEvent::AddOnRejected(AddOnRejected {
                tenant: self.tenant,
                order,
                key: holding.key.clone(),
                quantity: holding.quantity,
                reason: checked(reason)?,
                at,
            })]),
            HoldingStatus::Rejected => Ok(Vec::new()),
            HoldingStatus::Active { .. } | HoldingStatus::Ending { .. } | HoldingStatus::Ended => {
                Err(AccountError::OrderDecided)
            }
        }
    }

    pub(super) fn cancel(
        &self,
        order: AddOnOrderId,
        at: DateTime<Utc>,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        let holding = self.holding(order)?;
        let key = holding.key.clone();
        let tenant = self.tenant;
        match (holding.status, &holding.terms) {
            (HoldingStatus::Active { since }, Some(terms)) => {
                let today = ZONE.date_at(at);
                let ends_on = terms.cycle.next_period(ZONE.date_at(since), today);
                Ok(vec![AccountEvent::AddOnEnding(AddOnEnding {
                    tenant,
                    order,
                    key,
                    ends_at: ZONE.start_of(ends_on),
                    at,
                })])
            }
            // Nothing was granted yet: it is over at once.
            (HoldingStatus::Requested | HoldingStatus::Active { .. }, _) => {
                Ok(vec![AccountEvent::AddOnEnded(AddOnEnded {
                    tenant,
                    order,
                    key,
                    at,
                })])
            }
            (HoldingStatus::Ending { .. } | HoldingStatus::Rejected | HoldingStatus::Ended, _) => {
                Ok(Vec::new())
            }
        }
    }

    pub(super) fn end(&self, order: AddOnOrderId, at: DateTime<Utc>) -> Vec<AccountEvent> {
        let due = self
            .granted
            .add_ons
            .get(&order)
            .filter(|holding| match holding.status {
                HoldingStatus::Ending { ends_at, .. } => ends_at <= at,
                HoldingStatus::Requested
                | HoldingStatus::Active { .. }
                | HoldingStatus::Rejected
                | HoldingStatus::Ended => false,
            });
        let ended = due.map(|holding| {
            AccountEvent::AddOnEnded(AddOnEnded {
                tenant: self.tenant,
                order,
                key: holding.key.clone(),
                at,
            })
        });
        ended.into_iter().collect()
    }

    fn hold(&mut self, order: AddOnOrderId, holding: Holding) {
        self.granted.add_ons.insert(order, holding);
    }

    fn move_order(&mut self, order: AddOnOrderId, status: impl FnOnce(HoldingStatus) -> HoldingStatus) {
        if let Some(holding) = self.granted.add_ons.get_mut(&order) {
            holding.status = status(holding.status);
        }
    }

    pub(super) fn evolve_add_ons(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::AddOnRequested(requested) => self.hold(
                requested.order,
                Holding {
                    key: requested.terms.key.clone(),
                    terms: Some(requested.terms.clone()),
                    quantity: requested.quantity,
                    status: HoldingStatus::Requested,
                },
            ),
            AccountEvent::AddOnActivated(activated) => self.hold(
                activated.order,
                Holding {
                    key: activated.terms.key.clone(),
                    terms: Some(activated.terms.clone()),
                    quantity: activated.quantity,
                    status: HoldingStatus::Active { since: activated.at },
                },
            ),
            AccountEvent::AddOnRejected(rejected) => self.hold(
                rejected.order,
                Holding {
                    key: rejected.key.clone(),
                    terms: None,
                    quantity: rejected.quantity,
                    status: HoldingStatus::Rejected,
                },
            ),
            AccountEvent::AddOnEnding(ending) => self.move_order(ending.order, |status| match status {
                HoldingStatus::Active { since } | HoldingStatus::Ending { since, .. } => {
                    HoldingStatus::Ending {
                        since,
                        ends_at: ending.ends_at,
                    }
                }
                other @ (HoldingStatus::Requested | HoldingStatus::Rejected | HoldingStatus::Ended) => other,
            }),
            AccountEvent::AddOnEnded(ended) => self.move_order(ended.order, |_| HoldingStatus::Ended),
            AccountEvent::Opened(_)
            | AccountEvent::Renamed(_)
            | AccountEvent::OwnerInvited(_)
            | AccountEvent::PlanChanged(_)
            | AccountEvent::LimitOverridden(_)
            | AccountEvent::LimitOverrideCleared(_)
            | AccountEvent::FeatureToggled(_)
            | AccountEvent::PanelLocked(_)
            | AccountEvent::PanelUnlocked(_)
            | AccountEvent::RadiusCutOffSet(_)
            | AccountEvent::DomainRevoked(_)
            | AccountEvent::DomainAllowed(_)
            | AccountEvent::Deactivated(_)
            | AccountEvent::Activated(_)
            | AccountEvent::DeletionScheduled(_)
            | AccountEvent::Restored(_)
            | AccountEvent::Deleted(_)
            | AccountEvent::EntitlementsChanged(_) => {}
        }
    }
}
