//! Booking what a gateway reports: the one command behind every notice.
//!
//! INVARIANT: one unit of work holds the attempt's observation, the payment with its whole distribution, every
//! invoice it is put on and the credit that remains, so that allocations + credit + refunds + unmatched =
//! received at every position of the log (Property 65). The payment's stream id is derived from the gateway's
//! own reference: a second booking of the same money is a conflict, and the retry finds it done.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    AttemptId, CustomerId, GatewayId, InvoiceId, NoticeId, PaymentId, Rupiah,
    billing::{
        Attempt, AttemptCommand, AttemptEvent, CreditAccount, CreditAccountCommand, Invoice, InvoiceCommand,
        Payment, PaymentCommand,
        allocation::{self, OpenInvoice},
        attempt::AttemptPaid,
        booking,
        gateway::{Observation, ObservedState},
        payment::{PaymentSource, PaymentStatus, ReceivePayment, TakenBackReason, gateway_payment_id},
    },
};
use simpul_event_store::{Access, Command, Work, inline::Inline};

use super::{
    ORDER_REF,
    attempts::poll_timer,
    open_set::{self, OPEN_INVOICES},
    taken_back::take_back,
};
use crate::{Outcome, Refusal, corrupt, decide, permission, refused};

/// What a gateway said, already verified.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BookObservation {
    pub gateway: GatewayId,
    pub observation: Observation,
    /// The notice it came in, marked as handled in the same transaction.
    pub notice: Option<NoticeId>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Booked {
    /// Money was booked.
    Payment { payment: PaymentId, amount: Rupiah },
    /// Money that had been booked is gone again.
    TakenBack { payment: PaymentId, amount: Rupiah },
    /// Known already, or nothing that moves money.
    Nothing,
    /// Money without an order of ours: it waits for a person.
    Unmatched { payment: PaymentId, amount: Rupiah },
}

impl Command for BookObservation {
    const NAME: &'static str = "payment.book";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = Booked;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<Booked> {
        let key = format!("{}/{}", self.gateway, self.observation.order_ref);
        let attempt = work.claimed_by(ORDER_REF, &key).await?;
        let booked = match attempt.and_then(|id| id.parse().ok()) {
            Some(attempt) => self.book_attempt(work, attempt).await?,
            None => self.book_unmatched(work).await?,
        };
        if let Some(notice) = self.notice {
            let outcome = match &booked {
                Booked::Payment { payment, .. } => format!("booked as {payment}"),
                Booked::TakenBack { payment, amount } => format!("{amount} of {payment} taken back"),
                Booked::Nothing => "nothing to book".to_owned(),
                Booked::Unmatched { payment, .. } => format!("unmatched money, {payment}"),
            };
            work.inline(Inline::NoticeDone { notice, outcome });
        }
        Ok(booked)
    }
}

impl BookObservation {
    async fn book_attempt(&self, work: &mut Work<'_>, attempt: AttemptId) -> Outcome<Booked> {
        let command = AttemptCommand::Observe {
            observation: Box::new(self.observation.clone()),
            reversible_until: None,
            at: work.at(),
        };
        let events = decide::<Attempt>(work, &attempt.to_string(), command).await?;
        let mut booked = Booked::Nothing;
        for event in &events {
            if let AttemptEvent::Paid(paid) = event {
                booked = book_paid(work, paid).await?;
            } else if let Some((reason, up_to)) = event.taken_back() {
                booked = self.take_back(work, reason, up_to).await?;
            }
        }
        if !work.load::<Attempt>(&attempt.to_string()).await?.awaits_word() {
            work.inline(Inline::CompleteTimer(poll_timer(attempt)));
        }
        Ok(booked)
    }

    fn payment(&self, work: &Work<'_>) -> PaymentId {
        gateway_payment_id(work.tenant(), self.gateway, &self.observation.provider_ref)
    }

    async fn take_back(
        &self,
        work: &mut Work<'_>,
        reason: TakenBackReason,
        up_to: Option<Rupiah>,
    ) -> Outcome<Booked> {
        let payment = self.payment(work);
        let amount = take_back(work, payment, reason, up_to).await?;
        Ok(if amount.is_positive() {
            Booked::TakenBack { payment, amount }
        } else {
            Booked::Nothing
        })
    }

    async fn book_unmatched(&self, work: &mut Work<'_>) -> Outcome<Booked> {
        let observation = &self.observation;
        let gone = observation.taken_back();
        let is_money = matches!(observation.state, ObservedState::Paid | ObservedState::Settled);
        if !(is_money || gone.is_some()) || !observation.gross.is_positive() {
            return Ok(Booked::Nothing);
        }
        let payment = self.payment(work);
        let booked = if is_booked(work, payment).await? {
            Booked::Nothing
        } else {
            self.leave_unmatched(work, payment).await?
        };
        match gone {
            Some((reason, up_to)) => self.take_back(work, reason, up_to).await,
            None => Ok(booked),
        }
    }

    async fn leave_unmatched(&self, work: &mut Work<'_>, payment: PaymentId) -> Outcome<Booked> {
        let observation = &self.observation;
        let payer_fee = observation.believed_payer_fee(Rupiah::ZERO);
        let amount = observation.gross.sub(payer_fee).map_err(refused)?;
        let plan = allocation::plan(amount, None, None, &[]).map_err(refused)?;
        let receive = ReceivePayment {
            payment,
            source: PaymentSource::Gateway {
                gateway: self.gateway,
                attempt: None,
            },
            customer: None,
            gross: observation.gross,
            payer_fee,
            amount,
            provider_ref: observation.provider_ref.clone(),
            paid_at: observation.paid_at.unwrap_or_else(|| work.at()),
            allocations: plan.allocations,
            credit: plan.credit,
            unmatched: plan.unmatched,
            flags: Vec::new(),
            at: work.at(),
        };
        decide::<Payment>(
            work,
            &payment.to_string(),
            PaymentCommand::Receive(Box::new(receive)),
        )
        .await?;
        Ok(Booked::Unmatched { payment, amount })
    }
}

async fn is_booked(work: &mut Work<'_>, payment: PaymentId) -> Outcome<bool> {
    let status = work.load::<Payment>(&payment.to_string()).await?.status();
    Ok(!matches!(status, PaymentStatus::Absent))
}

async fn book_paid(work: &mut Work<'_>, paid: &AttemptPaid) -> Outcome<Booked> {
    let open = open_invoices(work, paid.customer).await?;
    let receive = booking::payment_of(work.tenant(), paid, &open, work.at()).map_err(refused)?;
    let (payment, amount) = (receive.payment, receive.amount);
    if is_booked(work, payment).await? {
        return Ok(Booked::Nothing);
    }
    distribute(work, paid.customer, receive).await?;
    Ok(Booked::Payment { payment, amount })
}

/// Receives a customer's money: every invoice it is put on, the credit that remains, and the payment itself.
pub(super) async fn distribute(
    work: &mut Work<'_>,
    customer: CustomerId,
    receive: ReceivePayment,
) -> Outcome<()> {
    let (payment, at) = (receive.payment, work.at());
    for part in &receive.allocations {
        let id = part.invoice.to_string();
        let amount = part.amount;
        decide::<Invoice>(work, &id, InvoiceCommand::ApplyPayment { payment, amount, at }).await?;
        if !work.load::<Invoice>(&id).await?.is_open() {
            open_set::keep(work, part.invoice).await?;
        }
    }
    if receive.credit.is_positive() {
        let add = CreditAccountCommand::AddCredit {
            customer,
            payment,
            amount: receive.credit,
            at,
        };
        decide::<CreditAccount>(work, &customer.to_string(), add).await?;
    }
    let receive = PaymentCommand::Receive(Box::new(receive));
    decide::<Payment>(work, &payment.to_string(), receive).await?;
    Ok(())
}

/// The customer's invoices that ask for money. The set only names them; what they ask for is read from each.
pub(super) async fn open_invoices(work: &mut Work<'_>, customer: CustomerId) -> Outcome<Vec<OpenInvoice>> {
    let mut open = Vec::new();
    for member in work.members(OPEN_INVOICES, &customer.to_string()).await? {
        let id: InvoiceId = member.parse().map_err(|_| corrupt())?;
        let invoice = work.load::<Invoice>(&member).await?;
        if let (true, Some(due_on)) = (invoice.is_open(), invoice.due_on()) {
            open.push(OpenInvoice {
                invoice: id,
                due_on,
                outstanding: invoice.outstanding(),
            });
        }
    }
    Ok(open)
}
