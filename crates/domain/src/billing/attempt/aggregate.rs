//! State and decisions of an attempt.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    AttemptCancelled, AttemptChargedBack, AttemptCheckoutOpened, AttemptCommand, AttemptCreateFailed,
    AttemptCreated, AttemptError, AttemptEvent, AttemptExpired, AttemptFailed, AttemptPaid, AttemptRefunded,
    AttemptReversed, AttemptStatus, CreateAttempt, CreateFailure, Dispute, IgnoredReason, ObservationIgnored,
    guard::{self, Step},
};
use crate::{
    Decider, Rupiah, aggregate,
    billing::gateway::{ChargeRef, Checkout, Observation, ObservedState, is_qris_code},
};

/// One booked payment of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidObservation {
    pub gross: Rupiah,
    pub paid_at: DateTime<Utc>,
    /// Paid, or how it was taken back.
    pub status: AttemptStatus,
    /// What the payer got back so far, as far as the gateway says.
    pub given_back: Option<Rupiah>,
}

/// The checkout on which the payer can pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedCheckout {
    /// The gateway's own reference.
    pub provider_ref: String,
    pub opened_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// One attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attempt {
    status: AttemptStatus,
    plan: Option<Box<AttemptCreated>>,
    /// The newest checkout.
    checkout: Option<OpenedCheckout>,
    /// By provider reference: a second one is a second payment.
    paid: BTreeMap<String, PaidObservation>,
    ignored: Option<(ObservedState, String, Rupiah)>,
}

aggregate!(Attempt);

impl Attempt {
    pub const fn status(&self) -> AttemptStatus {
        self.status
    }

    /// What was planned when it was created.
    pub fn plan(&self) -> Option<&AttemptCreated> {
        self.plan.as_deref()
    }

    /// Whether its payer has neither paid nor been told that it is over.
    pub const fn is_open(&self) -> bool {
        matches!(self.status, AttemptStatus::Created | AttemptStatus::Pending)
    }

    /// How its gateway knows it, whether or not it has said that it does.
    pub fn charge(&self) -> Option<ChargeRef> {
        self.plan.as_ref().map(|plan| ChargeRef {
            merchant_ref: plan.merchant_ref.clone(),
            provider_ref: self
                .checkout
                .as_ref()
                .map(|checkout| checkout.provider_ref.clone()),
        })
    }

    pub const fn checkout(&self) -> Option<&OpenedCheckout> {
        self.checkout.as_ref()
    }

    /// Whether the gateway has not said yet that the checkout is paid. Other money of the same order does not answer that:
    /// an order can be paid twice.
    pub fn awaits_word(&self) -> bool {
        self.checkout
            .as_ref()
            .is_some_and(|checkout| !self.paid.contains_key(&checkout.provider_ref))
    }

    pub const fn paid(&self) -> &BTreeMap<String, PaidObservation> {
        &self.paid
    }

    fn create(&self, create: CreateAttempt) -> Result<Vec<AttemptEvent>, AttemptError> {
        if let Some(plan) = &self.plan {
            let same = plan.invoice == create.invoice && plan.merchant_ref == create.merchant_ref;
            return if same {
                Ok(Vec::new())
            } else {
                Err(AttemptError::AlreadyCreated)
            };
        }
        if !create.amount.is_positive() {
            return Err(AttemptError::AmountNotPositive);
        }
        if create.payer_fee < Rupiah::ZERO || create.merchant_fee < Rupiah::ZERO {
            return Err(AttemptError::FeeNegative);
        }
        if create.payer_fee.is_positive() && is_qris_code(&create.channel) {
            return Err(AttemptError::QrisFeeOnPayer);
        }
        if create.expires_at <= create.at {
            return Err(AttemptError::ExpiresTooEarly);
        }
        let expected_payer_amount = create.amount.add(create.payer_fee)?;
        Ok(vec![AttemptEvent::Created(Box::new(AttemptCreated {
            attempt: create.attempt,
            invoice: create.invoice,
            customer: create.customer,
            gateway: create.gateway,
            kind: create.kind,
            merchant_ref: create.merchant_ref,
            channel: create.channel,
            amount: create.amount,
            payer_fee: create.payer_fee,
            merchant_fee: create.merchant_fee,
            expected_payer_amount,
            expires_at: create.expires_at,
            at: create.at,
        }))])
    }

    fn record_checkout(
        &self,
        plan: &AttemptCreated,
        checkout: Checkout,
        at: DateTime<Utc>,
    ) -> Vec<AttemptEvent> {
        let is_known = self
            .checkout
            .as_ref()
            .is_some_and(|known| known.provider_ref == checkout.provider_ref);
        if is_known || self.paid.contains_key(&checkout.provider_ref) {
            return Vec::new();
        }
        // Whatever a notice has said before, and though a second checkout should not exist: it can be paid, so it is
        // written down and its gateway is asked about it.
        vec![AttemptEvent::CheckoutOpened(Box::new(AttemptCheckoutOpened {
            attempt: plan.attempt,
            checkout,
            at,
        }))]
    }

    fn record_create_failed(
        &self,
        plan: &AttemptCreated,
        failure: CreateFailure,
        at: DateTime<Utc>,
    ) -> Result<Vec<AttemptEvent>, AttemptError> {
        match self.status {
            AttemptStatus::Created => {
                let failed = AttemptCreateFailed {
                    attempt: plan.attempt,
                    failure,
                    at,
                };
                Ok(vec![AttemptEvent::CreateFailed(failed)])
            }
            AttemptStatus::CreateFailed => Ok(Vec::new()),
            AttemptStatus::Absent
            | AttemptStatus::Pending
            | AttemptStatus::Failed
            | AttemptStatus::Denied
            | AttemptStatus::Expired
            | AttemptStatus::Cancelled
            | AttemptStatus::Paid
            | AttemptStatus::PartiallyRefunded
            | AttemptStatus::Refunded
            | AttemptStatus::ChargedBack
            | AttemptStatus::Reversed => Err(AttemptError::NotAllowed { state: self.status }),
        }
    }

    fn observe(
        &self,
        plan: &AttemptCreated,
        seen: &Observation,
        reversible_until: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    ) -> Result<Vec<AttemptEvent>, AttemptError> {
        if seen.order_ref != plan.merchant_ref.as_str() {
            return Ok(self.ignore(plan, seen, IgnoredReason::OtherOrder, at));
        }
        let reversal_open = reversible_until.is_some_and(|until| at < until);
        let (attempt, invoice) = (plan.attempt, plan.invoice);
        let provider_ref = seen.provider_ref.clone();
        let refunded = |partial| {
            AttemptEvent::Refunded(AttemptRefunded {
                attempt,
                invoice,
                provider_ref: seen.provider_ref.clone(),
                partial,
                given_back: seen.given_back,
                at,
            })
        };
        let event = match guard::step(self.status_of(seen), &seen.state, reversal_open) {
            Step::Pay { late } => return self.pay(plan, seen, late, at),
            Step::Fail { denied } => AttemptEvent::Failed(AttemptFailed {
                attempt,
                invoice,
                denied,
                at,
            }),
            Step::Expire => AttemptEvent::Expired(AttemptExpired { attempt, invoice, at }),
            Step::Cancel => AttemptEvent::Cancelled(AttemptCancelled { attempt, invoice, at }),
            Step::Refund { partial } => return self.take_back(plan, seen, refunded(partial), at),
            Step::ChargeBack => {
                let event = AttemptEvent::ChargedBack(AttemptChargedBack {
                    attempt,
                    invoice,
                    provider_ref,
                    at,
                });
                return self.take_back(plan, seen, event, at);
            }
            Step::Reverse => {
                let event = AttemptEvent::Reversed(AttemptReversed {
                    attempt,
                    invoice,
                    provider_ref,
                    at,
                });
                return self.take_back(plan, seen, event, at);
            }
            Step::Nothing if self.gave_back_more(seen) => refunded(true),
            Step::Nothing => return Ok(Vec::new()),
            Step::Stale => return Ok(self.ignore(plan, seen, IgnoredReason::Stale, at)),
            Step::UnknownWord => return Ok(self.ignore(plan, seen, IgnoredReason::UnknownState, at)),
        };
        Ok(vec![event])
    }

    /// Where the payment stands that is spoken of. One that is taken back and was never heard of is a payment of its own,
    /// whatever became of others.
    fn status_of(&self, seen: &Observation) -> AttemptStatus {
        match self.paid.get(&seen.provider_ref) {
            Some(payment) => payment.status,
            None if takes_back(&seen.state) && !self.paid.is_empty() => AttemptStatus::Pending,
            None => self.status,
        }
    }

    /// Whether more of a payment was given back than was known.
    fn gave_back_more(&self, seen: &Observation) -> bool {
        let known = self
            .paid
            .get(&seen.provider_ref)
            .and_then(|payment| payment.given_back);
        seen.state == ObservedState::PartiallyRefunded && seen.given_back > known
    }

    /// What was taken back was paid: booked first, if nobody has said so.
    fn take_back(
        &self,
        plan: &AttemptCreated,
        seen: &Observation,
        taken: AttemptEvent,
        at: DateTime<Utc>,
    ) -> Result<Vec<AttemptEvent>, AttemptError> {
        if self.paid.contains_key(&seen.provider_ref) {
            return Ok(vec![taken]);
        }
        let late = self.paid.is_empty() && self.has_ended();
        let mut events = self.pay(plan, seen, late, at)?;
        if matches!(events.as_slice(), [AttemptEvent::Paid(_)]) {
            events.push(taken);
        }
        Ok(events)
    }

    const fn has_ended(&self) -> bool {
        matches!(
            self.status,
            AttemptStatus::Failed | AttemptStatus::Denied | AttemptStatus::Expired | AttemptStatus::Cancelled
        )
    }

    fn pay(
        &self,
        plan: &AttemptCreated,
        seen: &Observation,
        late: bool,
        at: DateTime<Utc>,
    ) -> Result<Vec<AttemptEvent>, AttemptError> {
        if let Some(booked) = self.paid.get(&seen.provider_ref) {
            return Ok(if booked.gross == seen.gross {
                Vec::new()
            } else {
                self.ignore(plan, seen, IgnoredReason::AmountChanged, at)
            });
        }
        if !seen.gross.is_positive() {
            return Ok(self.ignore(plan, seen, IgnoredReason::NoAmount, at));
        }
        let payer_fee = seen.believed_payer_fee(plan.payer_fee);
        let amount = seen.gross.sub(payer_fee)?;
        let as_expected = seen.gross == plan.expected_payer_amount && amount == plan.amount;
        let disputed = (!as_expected).then_some(Dispute {
            expected_payer_amount: plan.expected_payer_amount,
        });
        Ok(vec![AttemptEvent::Paid(Box::new(AttemptPaid {
            attempt: plan.attempt,
            invoice: plan.invoice,
            customer: plan.customer,
            gateway: plan.gateway,
            merchant_ref: plan.merchant_ref.clone(),
            provider_ref: seen.provider_ref.clone(),
            channel: seen.channel.clone().unwrap_or_else(|| plan.channel.clone()),
            gross: seen.gross,
            payer_fee,
            amount,
            merchant_fee: seen.merchant_fee.unwrap_or(plan.merchant_fee),
            paid_at: seen.paid_at.unwrap_or(at),
            late,
            again: !self.paid.is_empty(),
            disputed,
            at,
        }))])
    }

    /// Keeps an observation that changes nothing; the same one again is not worth a second event.
    fn ignore(
        &self,
        plan: &AttemptCreated,
        seen: &Observation,
        reason: IgnoredReason,
        at: DateTime<Utc>,
    ) -> Vec<AttemptEvent> {
        let again = self.ignored.as_ref().is_some_and(|(state, provider_ref, gross)| {
            *state == seen.state && *provider_ref == seen.provider_ref && *gross == seen.gross
        });
        if again {
            return Vec::new();
        }
        vec![AttemptEvent::ObservationIgnored(ObservationIgnored {
            attempt: plan.attempt,
            status: self.status,
            state: seen.state.clone(),
            provider_ref: seen.provider_ref.clone(),
            gross: seen.gross,
            reason,
            raw_sha256: seen.raw_sha256.clone(),
            at,
        })]
    }
}

impl Attempt {
    /// INVARIANT: what is taken back was paid, in an earlier event.
    fn taken_back(&mut self, provider_ref: &str, status: AttemptStatus, given_back: Option<Rupiah>) {
        self.status = status;
        if let Some(payment) = self.paid.get_mut(provider_ref) {
            payment.status = status;
            payment.given_back = given_back.max(payment.given_back);
        }
    }
}

const fn takes_back(state: &ObservedState) -> bool {
    matches!(
        state,
        ObservedState::PartiallyRefunded
            | ObservedState::Refunded
            | ObservedState::ChargedBack
            | ObservedState::Reversed
    )
}

impl Decider for Attempt {
    const TYPE: &'static str = "billing.attempt";
    const STATE_VERSION: i32 = 4;
    type Command = AttemptCommand;
    type Event = AttemptEvent;
    type Error = AttemptError;

    fn decide(&self, command: AttemptCommand) -> Result<Vec<AttemptEvent>, AttemptError> {
        let plan = self.plan.as_deref().ok_or(AttemptError::NotFound);
        match command {
            AttemptCommand::Create(create) => self.create(*create),
            AttemptCommand::RecordCheckout { checkout, at } => Ok(self.record_checkout(plan?, checkout, at)),
            AttemptCommand::RecordCreateFailed { failure, at } => {
                self.record_create_failed(plan?, failure, at)
            }
            AttemptCommand::Observe {
                observation,
                reversible_until,
                at,
            } => self.observe(plan?, &observation, reversible_until, at),
        }
    }

    fn evolve(&mut self, event: &AttemptEvent) {
        match event {
            AttemptEvent::Created(created) => {
                self.status = AttemptStatus::Created;
                self.plan = Some(created.clone());
            }
            AttemptEvent::CheckoutOpened(opened) => {
                self.status = self.status.with_checkout();
                self.checkout = Some(OpenedCheckout {
                    provider_ref: opened.checkout.provider_ref.clone(),
                    opened_at: opened.at,
                    expires_at: opened.checkout.expires_at,
                });
            }
            AttemptEvent::CreateFailed(_) => self.status = AttemptStatus::CreateFailed,
            AttemptEvent::Paid(paid) => {
                self.status = AttemptStatus::Paid;
                let booked = PaidObservation {
                    gross: paid.gross,
                    paid_at: paid.paid_at,
                    status: AttemptStatus::Paid,
                    given_back: None,
                };
                self.paid.insert(paid.provider_ref.clone(), booked);
            }
            AttemptEvent::Failed(failed) => {
                self.status = if failed.denied {
                    AttemptStatus::Denied
                } else {
                    AttemptStatus::Failed
                };
            }
            AttemptEvent::Expired(_) => self.status = AttemptStatus::Expired,
            AttemptEvent::Cancelled(_) => self.status = AttemptStatus::Cancelled,
            AttemptEvent::Refunded(refunded) => {
                let status = if refunded.partial {
                    AttemptStatus::PartiallyRefunded
                } else {
                    AttemptStatus::Refunded
                };
                self.taken_back(&refunded.provider_ref, status, refunded.given_back);
            }
            AttemptEvent::ChargedBack(taken) => {
                self.taken_back(&taken.provider_ref, AttemptStatus::ChargedBack, None);
            }
            AttemptEvent::Reversed(taken) => {
                self.taken_back(&taken.provider_ref, AttemptStatus::Reversed, None);
            }
            AttemptEvent::ObservationIgnored(ignored) => {
                self.ignored = Some((ignored.state.clone(), ignored.provider_ref.clone(), ignored.gross));
            }
        }
    }
}
