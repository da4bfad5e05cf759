//! What each command loads, checks and appends, as `crates/app` does.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use simpul_adapters::delivery::Report;
use simpul_domain::{
    AttemptId, CustomerId, GatewayId, InvoiceId, MessageId, PaymentId, Rupiah, Sealed, SubscriptionId,
    TimerId,
    billing::{
        Attempt, AttemptCommand, AttemptEvent, CreditAccount, CreditAccountCommand, DueDay, Invoice,
        InvoiceCommand, InvoiceNumberPattern, MerchantRef, Payment, PaymentCommand, Period,
        allocation::{self, OpenInvoice},
        attempt::{AttemptPaid, CreateAttempt, CreateFailure},
        booking,
        calendar::invoice_id,
        gateway::{Currency, GatewayKind, Observation, ObservedState},
        invoice::{Billed, InvoiceLine, InvoiceSnapshot, IssueInvoice, LineKind},
        payment::{PaymentSource, PaymentStatus, ReceivePayment, gateway_payment_id},
    },
    customers::CustomerCode,
    messaging::{Message, MessageCommand, message::QueueMessage},
    network::{
        Provisioning, ProvisioningCommand,
        provisioning::{RecordConfirmed, RecordFailed},
    },
    subscriptions::{
        PppUsername, Subscription, SubscriptionCommand,
        subscription::{IsolirHold, NoteOverdue, OpenSubscription},
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
        Command::RecordCheckout { attempt, checkout } => {
            let record = AttemptCommand::RecordCheckout { checkout, at };
            record_attempt(work, attempt, record, true).await
        }
        Command::RecordCreateFailed { attempt, failure } => {
            let settled = !matches!(failure, CreateFailure::OutcomeUnknown);
            let record = AttemptCommand::RecordCreateFailed { failure, at };
            record_attempt(work, attempt, record, settled).await
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
                Change::Open(open) => open_line(work, subscription, *open)?,
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
            work.decide::<Subscription>(subscription.as_uuid(), command)
                .await?;
            Ok(Answer::Nothing)
        }
    }
}

fn open_line(
    work: &Work<'_>,
    subscription: SubscriptionId,
    open: OpenLine,
) -> Result<SubscriptionCommand, Failure> {
    let (zone, at) = (operator(work, |operator| operator.zone)?, work.at());
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
    let invoice_open = work.load::<Invoice>(overdue.invoice.as_uuid()).await?.is_open();
    let (zone, grace_days) = operator(work, |operator| (operator.zone, operator.grace_days))?;
    let at = work.at();
    Ok(SubscriptionCommand::NoteOverdue(NoteOverdue {
        invoice: overdue.invoice,
        due_on: overdue.due_on,
        today: zone.date_at(not_earlier(at, overdue.not_before)),
        grace_days: grace_days.into(),
        invoice_open,
        reopened: false,
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
    let customer = work.load::<Invoice>(id).await?.customer();
    let customer = customer.ok_or_else(|| missing("invoice"))?;
    let reason = "a mistake".to_owned();
    work.decide::<Invoice>(id, InvoiceCommand::Void { reason, at })
        .await?;
    work.drop_member(OPEN_INVOICES, customer.as_uuid(), id);
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

async fn record_attempt(
    work: &mut Work<'_>,
    attempt: AttemptId,
    record: AttemptCommand,
    settled: bool,
) -> Result<Answer, Failure> {
    work.decide::<Attempt>(attempt.as_uuid(), record).await?;
    if settled {
        work.inline(InlineRow::CompleteTimer(checkout_timer(attempt)));
    }
    Ok(Answer::Nothing)
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
    let sort = due_on.to_string();
    work.add_member(OPEN_INVOICES, customer.as_uuid(), invoice.as_uuid(), sort);
    Ok(Answer::Invoice(invoice))
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
        Some(attempt) => {
            let observe = AttemptCommand::Observe {
                observation: Box::new(observation.clone()),
                reversible_until: None,
                at: work.at(),
            };
            for event in work.decide::<Attempt>(attempt, observe).await? {
                if let AttemptEvent::Paid(paid) = event {
                    book_paid(work, &paid).await?;
                }
            }
            Ok(())
        }
        None => book_unmatched(work, gateway, observation).await,
    }
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
    if observation.state != ObservedState::Paid || !observation.gross.is_positive() {
        return Ok(());
    }
    let payer_fee = observation.payer_fee.unwrap_or_default();
    let amount = observation.gross.sub(payer_fee).map_err(refused)?;
    let mut payment = gateway_payment_id(work.tenant(), gateway, &observation.provider_ref);
    if is_planted(work, Plant::InboxMissing) {
        payment = PaymentId::new(work.new_uuid());
    }
    if is_booked(work, payment).await? {
        return Ok(());
    }
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
        if !work.load::<Invoice>(id).await?.is_open() {
            work.drop_member(OPEN_INVOICES, customer, id);
        }
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
