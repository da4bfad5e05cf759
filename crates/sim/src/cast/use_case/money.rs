//! Money that comes, is left over, and is taken back.

use simpul_domain::{
    AttemptId, CustomerId, GatewayId, InvoiceId, PaymentId, Rupiah,
    billing::{
        Attempt, AttemptCommand, AttemptEvent, CreditAccount, CreditAccountCommand, CreditAccountEvent,
        Invoice, InvoiceCommand, Payment, PaymentCommand, PaymentEvent,
        allocation::{self, OpenInvoice},
        attempt::AttemptPaid,
        booking,
        gateway::{Observation, ObservedState},
        payment::{
            PaymentSource, PaymentStatus, PaymentTakenBack, ReceivePayment, TakenBackReason,
            gateway_payment_id,
        },
    },
};
use uuid::Uuid;

use super::{OPEN_INVOICES, ORDER_REF, poll_timer, refused};
use crate::{
    cast::{command::Failure, work::Work},
    model::store::InlineRow,
    plant::Plant,
    world::World,
};

pub(super) async fn book(
    work: &mut Work<'_>,
    gateway: GatewayId,
    observation: &Observation,
) -> Result<(), Failure> {
    let key = observation.order_ref.clone();
    let attempt = work.ask(|log| log.claimed_by(ORDER_REF, &key)).await?;
    match attempt {
        Some(attempt) => book_attempt(work, gateway, AttemptId::new(attempt), observation).await,
        None => book_unmatched(work, gateway, observation).await,
    }
}

async fn book_attempt(
    work: &mut Work<'_>,
    gateway: GatewayId,
    attempt: AttemptId,
    observation: &Observation,
) -> Result<(), Failure> {
    let observe = AttemptCommand::Observe {
        observation: Box::new(observation.clone()),
        reversible_until: None,
        at: work.at(),
    };
    for event in work.decide::<Attempt>(attempt.as_uuid(), observe).await? {
        if let AttemptEvent::Paid(paid) = &event {
            book_paid(work, paid).await?;
        } else if let Some((reason, up_to)) = event.taken_back() {
            let payment = gateway_payment_id(work.tenant(), gateway, &observation.provider_ref);
            take_back(work, payment, reason, up_to).await?;
        }
    }
    if !work.load::<Attempt>(attempt.as_uuid()).await?.awaits_word() {
        work.inline(InlineRow::CompleteTimer(poll_timer(attempt)));
    }
    Ok(())
}

/// Takes back what is left of a payment, or until `up_to` is taken back: `app/src/billing/taken_back.rs`.
async fn take_back(
    work: &mut Work<'_>,
    payment: PaymentId,
    reason: TakenBackReason,
    up_to: Option<Rupiah>,
) -> Result<(), Failure> {
    let at = work.at();
    let command = PaymentCommand::TakeBack { reason, up_to, at };
    for event in work.decide::<Payment>(payment.as_uuid(), command).await? {
        let PaymentEvent::TakenBack(taken) = event else {
            continue;
        };
        if let Some(customer) = taken.customer {
            take_from(work, customer, &taken).await?;
        }
    }
    Ok(())
}

async fn take_from(
    work: &mut Work<'_>,
    customer: CustomerId,
    taken: &PaymentTakenBack,
) -> Result<(), Failure> {
    let (payment, at) = (taken.payment, taken.at);
    for part in &taken.allocations {
        let amount = part.amount;
        let command = InvoiceCommand::TakeBackPayment { payment, amount, at };
        owe_again(work, part.invoice, command).await?;
    }
    if !taken.credit.is_positive() || is_planted(work, Plant::CreditStays) {
        return Ok(());
    }
    let command = CreditAccountCommand::TakeBackCredit {
        customer,
        payment,
        amount: taken.credit,
        at,
    };
    for event in work.decide::<CreditAccount>(customer.as_uuid(), command).await? {
        if let CreditAccountEvent::CreditReturned(returned) = event {
            let amount = returned.amount;
            let command = InvoiceCommand::TakeBackCredit { amount, at };
            owe_again(work, returned.invoice, command).await?;
        }
    }
    Ok(())
}

async fn owe_again(work: &mut Work<'_>, invoice: InvoiceId, command: InvoiceCommand) -> Result<(), Failure> {
    work.decide::<Invoice>(invoice.as_uuid(), command).await?;
    keep(work, invoice).await
}

/// Puts the bill into the set of those that ask for money if it does, and takes it out if it does not.
pub(super) async fn keep(work: &mut Work<'_>, invoice: InvoiceId) -> Result<(), Failure> {
    let bill = work.load::<Invoice>(invoice.as_uuid()).await?;
    let (Some(customer), Some(due_on)) = (bill.customer(), bill.due_on()) else {
        return Ok(());
    };
    if bill.is_open() {
        let sort = due_on.to_string();
        work.add_member(OPEN_INVOICES, customer.as_uuid(), invoice.as_uuid(), sort);
    } else {
        work.drop_member(OPEN_INVOICES, customer.as_uuid(), invoice.as_uuid());
    }
    Ok(())
}

async fn is_booked(work: &mut Work<'_>, payment: PaymentId) -> Result<bool, Failure> {
    let payment = work.load::<Payment>(payment.as_uuid()).await?;
    Ok(!matches!(payment.status(), PaymentStatus::Absent))
}

async fn book_unmatched(
    work: &mut Work<'_>,
    gateway: GatewayId,
    observation: &Observation,
) -> Result<(), Failure> {
    let gone = observation.taken_back();
    let is_money = matches!(observation.state, ObservedState::Paid | ObservedState::Settled);
    if !(is_money || gone.is_some()) || !observation.gross.is_positive() {
        return Ok(());
    }
    let mut payment = gateway_payment_id(work.tenant(), gateway, &observation.provider_ref);
    if is_planted(work, Plant::InboxMissing) {
        payment = PaymentId::new(work.new_uuid());
    }
    if !is_booked(work, payment).await? {
        leave_unmatched(work, gateway, payment, observation).await?;
    }
    match gone {
        Some((reason, up_to)) => take_back(work, payment, reason, up_to).await,
        None => Ok(()),
    }
}

async fn leave_unmatched(
    work: &mut Work<'_>,
    gateway: GatewayId,
    payment: PaymentId,
    observation: &Observation,
) -> Result<(), Failure> {
    let payer_fee = observation.believed_payer_fee(Rupiah::ZERO);
    let amount = observation.gross.sub(payer_fee).map_err(refused)?;
    let plan = allocation::plan(amount, None, None, &[]).map_err(refused)?;
    let receive = ReceivePayment {
        payment,
        source: PaymentSource::Gateway {
            gateway,
            attempt: None,
        },
        customer: None,
        gross: observation.gross,
        payer_fee,
        amount,
        provider_ref: observation.provider_ref.clone(),
        paid_at: work.at(),
        allocations: plan.allocations,
        credit: plan.credit,
        unmatched: plan.unmatched,
        flags: Vec::new(),
        at: work.at(),
    };
    work.decide::<Payment>(payment.as_uuid(), PaymentCommand::Receive(Box::new(receive)))
        .await?;
    Ok(())
}

async fn book_paid(work: &mut Work<'_>, paid: &AttemptPaid) -> Result<(), Failure> {
    let open = open_invoices(work, paid.customer).await?;
    let receive = booking::payment_of(work.tenant(), paid, &open, work.at()).map_err(refused)?;
    let (payment, customer) = (receive.payment, paid.customer.as_uuid());
    if is_booked(work, payment).await? {
        return Ok(());
    }
    for part in &receive.allocations {
        let id = part.invoice.as_uuid();
        let apply = InvoiceCommand::ApplyPayment {
            payment,
            amount: part.amount,
            at: work.at(),
        };
        work.decide::<Invoice>(id, apply).await?;
        keep(work, part.invoice).await?;
    }
    if receive.credit.is_positive() && !is_planted(work, Plant::ForgottenRest) {
        let add = CreditAccountCommand::AddCredit {
            customer: paid.customer,
            payment,
            amount: receive.credit,
            at: work.at(),
        };
        work.decide::<CreditAccount>(customer, add).await?;
    }
    work.decide::<Payment>(payment.as_uuid(), PaymentCommand::Receive(Box::new(receive)))
        .await?;
    Ok(())
}

pub(super) fn is_planted(work: &Work<'_>, plant: Plant) -> bool {
    work.seat().with(|world: &mut World| world.is_planted(plant))
}

async fn open_invoices(work: &mut Work<'_>, customer: CustomerId) -> Result<Vec<OpenInvoice>, Failure> {
    let mut open = Vec::new();
    let members: Vec<Uuid> = work
        .ask(|log| log.members(OPEN_INVOICES, customer.as_uuid()))
        .await?;
    for id in members {
        let invoice = work.load::<Invoice>(id).await?;
        if let (true, Some(due_on)) = (invoice.is_open(), invoice.due_on()) {
            open.push(OpenInvoice {
                invoice: InvoiceId::new(id),
                due_on,
                outstanding: invoice.outstanding(),
            });
        }
    }
    Ok(open)
}
