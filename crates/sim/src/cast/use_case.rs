//! What each command loads, checks and appends, as `crates/app` does.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use simpul_adapters::delivery::Report;
use simpul_domain::{
    AttemptId, CustomerId, GatewayId, InvoiceId, MessageId, PaymentId, Rupiah, Sealed, SubscriptionId,
    TimerId,
    billing::{
        Attempt, AttemptCommand, AttemptEvent, CreditAccount, CreditAccountCommand, CreditAccountEvent,
        DueDay, Invoice, InvoiceCommand, InvoiceNumberPattern, MerchantRef, Payment, PaymentCommand,
        PaymentEvent, Period,
        allocation::{self, OpenInvoice},
        attempt::{AttemptPaid, CreateAttempt, CreateFailure},
        booking,
        calendar::invoice_id,
        credit_account::CreditUse,
        gateway::{Checkout, Currency, GatewayKind, Observation, ObservedState},
        invoice::{Billed, InvoiceLine, InvoiceSnapshot, IssueInvoice, LineKind},
        payment::{
            PaymentSource, PaymentStatus, PaymentTakenBack, ReceivePayment, TakenBackReason,
            gateway_payment_id,
        },
        polling,
    },
    customers::CustomerCode,
    messaging::{Message, MessageCommand, message::QueueMessage},
    network::{
        Provisioning, ProvisioningCommand,
        provisioning::{RecordConfirmed, RecordFailed},
    },
    subscriptions::{
        PppUsername, Subscription, SubscriptionCommand,
        subscription::{IsolirHold, NoteOverdue, OpenSubscription, SubscriptionEvent},
    },
};
use uuid::Uuid;

use super::{
    command::{Answer, Change, Command, Failure, OpenLine, Overdue, Planned},
    work::Work,
};
use crate::{
    model::store::{InlineRow, TimerWork},
    plant::Plant,
    world::{World, millis},
};

const OPEN_INVOICES: &str = "invoices.open";
pub(crate) const USERNAME: &str = "subscription.username";
/// The counted limit of lines.
pub(crate) const USERS: &str = "users";
const ORDER_REF: &str = "attempt.order_ref";
const VALID: TimeDelta = TimeDelta::hours(24);
/// How long a gateway may be asked before the attempt's timer looks after it.
const ASKING_MS: i64 = 30_000;

fn refused<E: std::fmt::Display>(error: E) -> Failure {
    Failure::Refused(error.to_string())
}

fn missing(what: &'static str) -> Failure {
    Failure::Refused(format!("no such {what}"))
}

/// The timer that looks after an attempt.
pub(super) fn checkout_timer(attempt: AttemptId) -> TimerId {
    TimerId::derive(attempt.as_uuid(), "checkout")
}

/// The timer that asks what became of it.
fn poll_timer(attempt: AttemptId) -> TimerId {
    TimerId::derive(attempt.as_uuid(), "poll")
}

/// Runs a command up to its append.
pub(super) async fn run(work: &mut Work<'_>, command: &Command) -> Result<Answer, Failure> {
    let at = work.at();
    match command.clone() {
        Command::Issue { subscription, due_on } => issue(work, subscription, due_on).await,
        Command::OpenCheckout {
            invoice,
            gateway,
            payer_fee,
        } => open_checkout(work, invoice, gateway, payer_fee).await,
        Command::Void(invoice) => void(work, invoice).await,
        Command::MarkOverdue { invoice, not_before } => mark_overdue(work, invoice, not_before).await,
        Command::RecordCheckout { attempt, checkout } => record_checkout(work, attempt, checkout).await,
        Command::RecordCreateFailed { attempt, failure } => {
            let settled = !matches!(failure, CreateFailure::OutcomeUnknown);
            let record = AttemptCommand::RecordCreateFailed { failure, at };
            record_attempt(work, attempt, record, settled).await?;
            Ok(Answer::Nothing)
        }
        Command::Book {
            gateway,
            observation,
            notice,
        } => {
            book(work, gateway, &observation).await?;
            if let Some(notice) = notice {
                work.inline(InlineRow::NoticeDone(notice));
            }
            Ok(Answer::Nothing)
        }
        Command::QueueMessage(queue) => queue_message(work, queue).await,
        Command::RecordSent { message, report } => record_sent(work, message, report).await,
        Command::ScheduleTimer { due_at, kind } => {
            work.inline(InlineRow::Timer {
                id: kind.timer(),
                work: TimerWork::Policy(kind),
                due_ms: millis(due_at),
            });
            Ok(Answer::Nothing)
        }
        Command::CompleteTimer(timer) => {
            work.inline(InlineRow::CompleteTimer(timer));
            Ok(Answer::Nothing)
        }
        Command::Confirm(record) => {
            let record = RecordConfirmed { at, ..record };
            prove(
                work,
                record.subscription,
                ProvisioningCommand::RecordConfirmed(record),
            )
            .await
        }
        Command::Fail(record) => {
            let record = RecordFailed { at, ..record };
            prove(
                work,
                record.subscription,
                ProvisioningCommand::RecordFailed(record),
            )
            .await
        }
        Command::Line(subscription, change) => {
            let command = match change {
                Change::Open(open) => open_line(work, subscription, *open).await?,
                Change::Terminate => SubscriptionCommand::Terminate {
                    reason: "moved away".to_owned(),
                    at,
                },
                Change::Activate => SubscriptionCommand::Activate { at },
                Change::Resume => SubscriptionCommand::Resume { at },
                Change::Suspend => SubscriptionCommand::Suspend {
                    reason: "asked for".to_owned(),
                    at,
                },
                Change::Stop => SubscriptionCommand::Stop {
                    reason: "long unpaid".to_owned(),
                    at,
                },
                Change::ToPlan(terms) => SubscriptionCommand::ChangePlan { terms, at },
                Change::ToSecret(secret) => SubscriptionCommand::ChangeSecret {
                    secret: Sealed::new(secret),
                    at,
                },
                Change::ClearOverdue(invoice) => SubscriptionCommand::ClearOverdue { invoice, at },
                Change::NoteOverdue(overdue) => note_overdue(work, &overdue).await?,
            };
            let events = work
                .decide::<Subscription>(subscription.as_uuid(), command)
                .await?;
            if let [SubscriptionEvent::Terminated(_)] = events.as_slice() {
                work.quota(USERS, -1);
            }
            Ok(Answer::Nothing)
        }
    }
}

async fn open_line(
    work: &mut Work<'_>,
    subscription: SubscriptionId,
    open: OpenLine,
) -> Result<SubscriptionCommand, Failure> {
    let (zone, at) = (operator(work, |operator| operator.zone)?, work.at());
    work.begin::<Subscription>(subscription.as_uuid());
    let username = format!("{}/{}", open.router, open.username);
    work.claim(USERNAME, username, subscription.as_uuid());
    if is_planted(work, Plant::QuotaReadBefore) && !work.ask(|log| log.quota(USERS).has_room(1)).await? {
        return Err(refused("a limit is reached"));
    }
    work.quota(USERS, 1);
    Ok(SubscriptionCommand::Open(Box::new(OpenSubscription {
        subscription,
        customer: open.customer,
        terms: open.terms,
        router: open.router,
        username: PppUsername::parse(&open.username).map_err(refused)?,
        secret: Sealed::new(format!("{}/0", open.username)),
        due_day: DueDay::default(),
        installed_on: zone.date_at(at),
        zone,
        at,
    })))
}

async fn note_overdue(work: &mut Work<'_>, overdue: &Overdue) -> Result<SubscriptionCommand, Failure> {
    let invoice = work.load::<Invoice>(overdue.invoice.as_uuid()).await?;
    let (invoice_open, reopened) = (invoice.is_open(), invoice.was_reopened());
    let (zone, grace_days) = operator(work, |operator| (operator.zone, operator.grace_days))?;
    let at = work.at();
    Ok(SubscriptionCommand::NoteOverdue(NoteOverdue {
        invoice: overdue.invoice,
        due_on: overdue.due_on,
        today: zone.date_at(not_earlier(at, overdue.not_before)),
        grace_days: grace_days.into(),
        invoice_open,
        reopened,
        hold: IsolirHold::default(),
        at,
    }))
}

/// A timer that was due stays due, whatever the clock says by now.
fn not_earlier(at: DateTime<Utc>, not_before: Option<DateTime<Utc>>) -> DateTime<Utc> {
    not_before.map_or(at, |due_at| due_at.max(at))
}

async fn void(work: &mut Work<'_>, invoice: InvoiceId) -> Result<Answer, Failure> {
    let (id, at) = (invoice.as_uuid(), work.at());
    let reason = "a mistake".to_owned();
    work.decide::<Invoice>(id, InvoiceCommand::Void { reason, at })
        .await?;
    keep(work, invoice).await?;
    Ok(Answer::Nothing)
}

async fn mark_overdue(
    work: &mut Work<'_>,
    invoice: InvoiceId,
    not_before: Option<DateTime<Utc>>,
) -> Result<Answer, Failure> {
    let (id, at) = (invoice.as_uuid(), work.at());
    let zone = work.load::<Invoice>(id).await?.zone();
    let today = zone
        .ok_or_else(|| missing("invoice"))?
        .date_at(not_earlier(at, not_before));
    work.decide::<Invoice>(id, InvoiceCommand::MarkOverdue { today, at })
        .await?;
    Ok(Answer::Nothing)
}

/// The gateway opened the checkout: from now on it is asked what became of it, until its notice has come.
async fn record_checkout(
    work: &mut Work<'_>,
    attempt: AttemptId,
    checkout: Checkout,
) -> Result<Answer, Failure> {
    let (at, expires_at) = (work.at(), checkout.expires_at);
    let record = AttemptCommand::RecordCheckout { checkout, at };
    let opened = record_attempt(work, attempt, record, true).await?;
    let first = polling::next(at, expires_at, at).filter(|_| opened);
    if let Some(due_at) = first.filter(|_| !is_planted(work, Plant::NobodyAsks)) {
        work.inline(InlineRow::Timer {
            id: poll_timer(attempt),
            work: TimerWork::Poll(attempt),
            due_ms: millis(due_at),
        });
    }
    Ok(Answer::Nothing)
}

/// Whether it was news.
async fn record_attempt(
    work: &mut Work<'_>,
    attempt: AttemptId,
    record: AttemptCommand,
    settled: bool,
) -> Result<bool, Failure> {
    let news = !work
        .decide::<Attempt>(attempt.as_uuid(), record)
        .await?
        .is_empty();
    if settled {
        work.inline(InlineRow::CompleteTimer(checkout_timer(attempt)));
    }
    Ok(news)
}

async fn queue_message(work: &mut Work<'_>, queue: QueueMessage) -> Result<Answer, Failure> {
    let (message, at) = (queue.message, work.at());
    let queue = MessageCommand::Queue(QueueMessage { at, ..queue });
    if !work.decide::<Message>(message.as_uuid(), queue).await?.is_empty() {
        let due_ms = millis(at);
        work.inline(InlineRow::Send { message, due_ms });
    }
    Ok(Answer::Nothing)
}

async fn record_sent(work: &mut Work<'_>, message: MessageId, report: Report) -> Result<Answer, Failure> {
    let at = work.at();
    let record = match report {
        Report::Accepted { provider_ids } => MessageCommand::RecordAccepted { provider_ids, at },
        Report::Failed { reason, is_final } => MessageCommand::RecordFailed { reason, is_final, at },
        Report::Unknown => MessageCommand::RecordUnknown { at },
    };
    work.decide::<Message>(message.as_uuid(), record).await?;
    Ok(Answer::Nothing)
}

async fn prove(
    work: &mut Work<'_>,
    subscription: SubscriptionId,
    record: ProvisioningCommand,
) -> Result<Answer, Failure> {
    work.decide::<Provisioning>(subscription.as_uuid(), record)
        .await?;
    Ok(Answer::Nothing)
}

fn operator<R>(work: &Work<'_>, read: impl FnOnce(&crate::world::Operator) -> R) -> Result<R, Failure> {
    let tenant = work.tenant();
    let read = work.seat().with(|world| world.operator(tenant).map(read));
    read.ok_or_else(|| missing("operator"))
}

async fn issue(
    work: &mut Work<'_>,
    subscription: SubscriptionId,
    due_on: NaiveDate,
) -> Result<Answer, Failure> {
    let line = work.load::<Subscription>(subscription.as_uuid()).await?;
    let (Some(terms), Some(customer), Some(due_day)) =
        (line.terms().cloned(), line.customer(), line.due_day())
    else {
        return Err(missing("subscription"));
    };
    let period = Period::ending_at(due_day, due_on);
    let invoice = invoice_id(work.tenant(), subscription, period);
    if work
        .load::<Invoice>(invoice.as_uuid())
        .await?
        .customer()
        .is_some()
    {
        return Ok(Answer::Invoice(invoice));
    }
    let zone = operator(work, |operator| operator.zone)?;
    let issued_on = zone.date_at(work.at());
    let pattern = InvoiceNumberPattern::default();
    let counter = work.next_number(&pattern.scope(issued_on)).await?;
    let issue = IssueInvoice {
        invoice,
        number: pattern.render(issued_on, counter),
        customer,
        billed: Billed::Subscription(subscription),
        period,
        lines: vec![InvoiceLine {
            kind: LineKind::Plan,
            description: terms.name.clone(),
            amount: terms.price,
        }],
        due_on,
        currency: Currency::Idr,
        zone,
        snapshot: InvoiceSnapshot {
            seller_name: "RT Net".to_owned(),
            customer_code: CustomerCode::parse("C1").map_err(refused)?,
            account_name: None,
            plan: Some(terms.plan),
            plan_name: terms.name,
        },
        at: work.at(),
    };
    work.decide::<Invoice>(invoice.as_uuid(), InvoiceCommand::Issue(Box::new(issue)))
        .await?;
    use_credit(work, customer, invoice).await?;
    keep(work, invoice).await?;
    Ok(Answer::Invoice(invoice))
}

/// A bill is paid out of the customer's credit as far as it goes: `app/src/billing/issuing.rs`.
async fn use_credit(work: &mut Work<'_>, customer: CustomerId, invoice: InvoiceId) -> Result<(), Failure> {
    let at = work.at();
    let outstanding = work.load::<Invoice>(invoice.as_uuid()).await?.outstanding();
    let balance = work.load::<CreditAccount>(customer.as_uuid()).await?.balance();
    let amount = balance.min(outstanding);
    if !amount.is_positive() {
        return Ok(());
    }
    let spend = CreditAccountCommand::UseCredit {
        customer,
        for_what: CreditUse::Invoice { invoice },
        amount,
        at,
    };
    work.decide::<CreditAccount>(customer.as_uuid(), spend).await?;
    let apply = InvoiceCommand::ApplyCredit { amount, at };
    work.decide::<Invoice>(invoice.as_uuid(), apply).await?;
    Ok(())
}

async fn open_checkout(
    work: &mut Work<'_>,
    invoice: InvoiceId,
    gateway: GatewayId,
    payer_fee: Rupiah,
) -> Result<Answer, Failure> {
    let bill = work.load::<Invoice>(invoice.as_uuid()).await?;
    let customer = bill.customer().ok_or_else(|| missing("invoice"))?;
    if !bill.is_open() {
        return Err(refused("the invoice is paid"));
    }
    let attempt = AttemptId::new(work.new_uuid());
    let merchant_ref = MerchantRef::for_attempt(attempt, 1);
    let amount = bill.outstanding();
    let expires_at = work.at() + VALID;
    let create = CreateAttempt {
        attempt,
        invoice,
        customer,
        gateway,
        kind: GatewayKind::Tripay,
        merchant_ref: merchant_ref.clone(),
        channel: "BRIVA".to_owned(),
        amount,
        payer_fee,
        merchant_fee: Rupiah::ZERO,
        expires_at,
        at: work.at(),
    };
    work.begin::<Attempt>(attempt.as_uuid());
    work.decide::<Attempt>(attempt.as_uuid(), AttemptCommand::Create(Box::new(create)))
        .await?;
    work.claim(ORDER_REF, merchant_ref.to_string(), attempt.as_uuid());
    let taker = work.taker();
    work.inline(InlineRow::GuardTimer {
        id: checkout_timer(attempt),
        work: TimerWork::Checkout(attempt),
        taker,
        lease_ms: ASKING_MS,
    });
    Ok(Answer::Planned(Box::new(Planned {
        attempt,
        merchant_ref,
        amount,
        payer_fee,
        expires_at,
    })))
}

async fn book(work: &mut Work<'_>, gateway: GatewayId, observation: &Observation) -> Result<(), Failure> {
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
            work.inline(InlineRow::CompleteTimer(poll_timer(attempt)));
        } else if let Some((reason, up_to)) = taken_back(&event) {
            let payment = gateway_payment_id(work.tenant(), gateway, &observation.provider_ref);
            take_back(work, payment, reason, up_to).await?;
        }
    }
    Ok(())
}

/// Why money left that the attempt had, and how much by now where only a part did. A part that nobody can tell moves nothing.
fn taken_back(event: &AttemptEvent) -> Option<(TakenBackReason, Option<Rupiah>)> {
    match event {
        AttemptEvent::Refunded(refunded) => {
            let part = refunded.given_back.unwrap_or_default();
            Some((TakenBackReason::Refund, refunded.partial.then_some(part)))
        }
        AttemptEvent::ChargedBack(_) => Some((TakenBackReason::ChargeBack, None)),
        AttemptEvent::Reversed(_) => Some((TakenBackReason::Reversal, None)),
        AttemptEvent::Created(_)
        | AttemptEvent::CheckoutOpened(_)
        | AttemptEvent::CreateFailed(_)
        | AttemptEvent::Paid(_)
        | AttemptEvent::Failed(_)
        | AttemptEvent::Expired(_)
        | AttemptEvent::Cancelled(_)
        | AttemptEvent::ObservationIgnored(_) => None,
    }
}

/// The same for money without an attempt.
fn gone(observation: &Observation) -> Option<(TakenBackReason, Option<Rupiah>)> {
    match observation.state {
        ObservedState::PartiallyRefunded => {
            let part = observation.given_back.unwrap_or_default();
            Some((TakenBackReason::Refund, Some(part)))
        }
        ObservedState::Refunded => Some((TakenBackReason::Refund, None)),
        ObservedState::ChargedBack => Some((TakenBackReason::ChargeBack, None)),
        ObservedState::Reversed => Some((TakenBackReason::Reversal, None)),
        ObservedState::Pending
        | ObservedState::Authorized
        | ObservedState::Paid
        | ObservedState::Settled
        | ObservedState::Failed
        | ObservedState::Denied
        | ObservedState::Cancelled
        | ObservedState::Expired
        | ObservedState::Unknown(_) => None,
    }
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
async fn keep(work: &mut Work<'_>, invoice: InvoiceId) -> Result<(), Failure> {
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
    let gone = gone(observation);
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

fn is_planted(work: &Work<'_>, plant: Plant) -> bool {
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
