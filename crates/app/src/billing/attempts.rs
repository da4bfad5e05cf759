//! Attempts to pay through a gateway: planned first, then asked for, then recorded.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use simpul_domain::{
    AttemptId, CustomerId, GatewayId, InvoiceId, Rupiah, TimerId,
    billing::{
        Attempt, AttemptCommand, GatewayAccount, Invoice, MerchantRef,
        attempt::{CreateAttempt, CreateFailure},
        gateway::Checkout,
        polling,
    },
};
use simpul_event_store::{
    Access, Command, Work,
    inline::{Inline, Origin, timer::Timer},
};

use super::ORDER_REF;
use crate::{Outcome, Refusal, decide, permission, refuse};

/// How long a payer has.
const VALID: TimeDelta = TimeDelta::hours(24);
/// Longer than whoever plans an attempt may take to ask the gateway and to record its answer.
const ASKING: TimeDelta = TimeDelta::seconds(30);
/// Kind of the timer that looks after an attempt whose gateway's answer is not recorded.
pub const CHECKOUT_TIMER: &str = "payment.checkout";

/// Kind of the timer that asks a gateway about an open checkout.
pub const POLL_TIMER: &str = "payment.poll";

pub(super) fn poll_timer(attempt: AttemptId) -> TimerId {
    TimerId::derive(attempt.as_uuid(), "poll")
}

fn checkout_timer(attempt: AttemptId) -> TimerId {
    TimerId::derive(attempt.as_uuid(), "checkout")
}

/// Plans an attempt at an invoice. Amount and fees are fixed now, so that a later change of fees cannot cause a
/// mismatch. The gateway is asked afterwards, outside of any transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenCheckout {
    pub invoice: InvoiceId,
    pub gateway: GatewayId,
    /// The gateway's channel code, such as `BRIVA`.
    pub channel: String,
    /// Fees of the channel as the gateway states them.
    pub payer_fee: Rupiah,
    pub merchant_fee: Rupiah,
}

/// What the gateway is to be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCharge {
    pub attempt: AttemptId,
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub gateway: GatewayId,
    pub merchant_ref: MerchantRef,
    pub amount: Rupiah,
    pub expected_payer_amount: Rupiah,
    pub expires_at: chrono::DateTime<chrono::Utc>,
}

impl Command for OpenCheckout {
    const NAME: &'static str = "payment.start";
    /// Paying is what a locked panel still allows.
    const ACCESS: Access = Access {
        feature: None,
        permission: permission::BILLING_WRITE,
        when_locked: true,
        founding: false,
    };
    type Answer = PlannedCharge;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<PlannedCharge> {
        let invoice = work.load::<Invoice>(&self.invoice.to_string()).await?;
        let (Some(customer), amount, open) = (invoice.customer(), invoice.outstanding(), invoice.is_open())
        else {
            return refuse(Refusal::Missing { what: "invoice" });
        };
        if !open {
            return refuse(Refusal::Invoice(
                simpul_domain::billing::InvoiceError::AlreadyPaid,
            ));
        }
        let Some(kind) = work
            .load::<GatewayAccount>(&self.gateway.to_string())
            .await?
            .kind()
        else {
            return refuse(Refusal::Missing { what: "gateway" });
        };
        let attempt = AttemptId::new(work.new_uuid());
        let id = attempt.to_string();
        let merchant_ref = MerchantRef::for_attempt(attempt, 1);
        let expires_at = work.at() + VALID;
        let create = CreateAttempt {
            attempt,
            invoice: self.invoice,
            customer,
            gateway: self.gateway,
            kind,
            merchant_ref: merchant_ref.clone(),
            channel: self.channel.clone(),
            amount,
            payer_fee: self.payer_fee,
            merchant_fee: self.merchant_fee,
            expires_at,
            at: work.at(),
        };
        work.begin::<Attempt>(&id);
        decide::<Attempt>(work, &id, AttemptCommand::Create(Box::new(create))).await?;
        work.claim(ORDER_REF, &format!("{}/{merchant_ref}", self.gateway), &id);
        work.inline(Inline::GuardTimer {
            timer: Timer {
                id: checkout_timer(attempt),
                kind: CHECKOUT_TIMER.to_owned(),
                subject: id,
                due_at: work.at(),
                origin: Some(Origin {
                    cause: work.context().command_id.as_uuid(),
                    correlation: work.context().correlation,
                }),
            },
            taker: work.store().taker(),
            duration: ASKING,
        });
        Ok(PlannedCharge {
            attempt,
            invoice: self.invoice,
            customer,
            gateway: self.gateway,
            merchant_ref,
            amount,
            expected_payer_amount: amount.add(self.payer_fee).map_err(crate::refused)?,
            expires_at,
        })
    }
}

/// The same by the customer who owes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenOwnCheckout {
    pub customer: CustomerId,
    pub checkout: OpenCheckout,
}

impl Command for OpenOwnCheckout {
    const NAME: &'static str = "payment.start_own";
    const ACCESS: Access = Access {
        permission: permission::PORTAL,
        ..OpenCheckout::ACCESS
    };
    type Answer = PlannedCharge;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<PlannedCharge> {
        let invoice = work.load::<Invoice>(&self.checkout.invoice.to_string()).await?;
        if invoice.customer() != Some(self.customer) {
            return refuse(Refusal::Missing { what: "invoice" });
        }
        self.checkout.run(work).await
    }
}

/// The gateway opened the checkout. From now on it is asked what became of it, until its notice has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordCheckout {
    pub attempt: AttemptId,
    pub checkout: Checkout,
}

impl Command for RecordCheckout {
    const NAME: &'static str = "payment.record_checkout";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let (id, at) = (self.attempt.to_string(), work.at());
        let command = AttemptCommand::RecordCheckout {
            checkout: self.checkout.clone(),
            at,
        };
        let opened = !decide::<Attempt>(work, &id, command).await?.is_empty();
        work.inline(Inline::CompleteTimer(checkout_timer(self.attempt)));
        let first = polling::next(at, self.checkout.expires_at, at).filter(|_| opened);
        if let Some(due_at) = first {
            work.inline(Inline::ScheduleTimer(Timer {
                id: poll_timer(self.attempt),
                kind: POLL_TIMER.to_owned(),
                subject: id,
                due_at,
                origin: Some(Origin {
                    cause: work.context().command_id.as_uuid(),
                    correlation: work.context().correlation,
                }),
            }));
        }
        Ok(())
    }
}

/// The gateway did not open the checkout, or did not say so: then it is looked up later. Money that arrives nevertheless
/// is booked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordCreateFailed {
    pub attempt: AttemptId,
    pub failure: CreateFailure,
}

impl Command for RecordCreateFailed {
    const NAME: &'static str = "payment.record_create_failed";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let command = AttemptCommand::RecordCreateFailed {
            failure: self.failure.clone(),
            at: work.at(),
        };
        decide::<Attempt>(work, &self.attempt.to_string(), command).await?;
        if !matches!(self.failure, CreateFailure::OutcomeUnknown) {
            work.inline(Inline::CompleteTimer(checkout_timer(self.attempt)));
        }
        Ok(())
    }
}
