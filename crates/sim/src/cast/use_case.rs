//! What each command loads, checks and appends, as `crates/app` does.

mod accounting;
mod money;
mod sessions;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use simpul_adapters::delivery::Report;
use simpul_domain::{
    AttemptId, CustomerId, GatewayId, InvoiceId, MessageId, Rupiah, Sealed, SubscriptionId, TimerId,
    billing::{
        Attempt, AttemptCommand, CreditAccount, CreditAccountCommand, DueDay, Invoice, InvoiceCommand,
        InvoiceNumberPattern, MerchantRef, Period,
        attempt::{CreateAttempt, CreateFailure},
        calendar::invoice_id,
        credit_account::CreditUse,
        gateway::{Checkout, Currency, GatewayKind},
        invoice::{Billed, InvoiceLine, InvoiceSnapshot, IssueInvoice, LineKind},
        polling,
    },
    customers::CustomerCode,
    messaging::{Message, MessageCommand, message::QueueMessage},
    network::{
        Access, Provisioning, ProvisioningCommand,
        provisioning::{RecordConfirmed, RecordFailed},
    },
    subscriptions::{
        PppUsername, Subscription, SubscriptionCommand,
        subscription::{IsolirHold, NoteOverdue, OpenSubscription, SubscriptionEvent, SubscriptionStatus},
    },
};

use self::money::{book, is_planted, keep};
use super::{
    command::{Answer, Change, Command, Failure, OpenLine, Overdue, Planned},
    work::Work,
};
use crate::{
    model::store::{InlineRow, TimerWork},
    plant::Plant,
    world::millis,
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
        Command::Confirm(record) => confirm(work, RecordConfirmed { at, ..record }).await,
        Command::StartSession { session, first } => sessions::start(work, session, first).await,
        Command::Account(records) => accounting::record(work, records).await,
        Command::SweepSessions => accounting::sweep(work).await,
        Command::EndStolenSession { session } => sessions::end_stolen(work, session).await,
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

async fn confirm(work: &mut Work<'_>, record: RecordConfirmed) -> Result<Answer, Failure> {
    let (line, access) = (record.subscription, record.access);
    prove(work, line, ProvisioningCommand::RecordConfirmed(record)).await?;
    if access == Access::Removed {
        give_up_name(work, line).await?;
    }
    Ok(Answer::Nothing)
}

/// A line that is over is off its router: another one may have its name there.
async fn give_up_name(work: &mut Work<'_>, line: SubscriptionId) -> Result<(), Failure> {
    let state = work.load::<Subscription>(line.as_uuid()).await?;
    if let (SubscriptionStatus::Terminated, Some(router), Some(username)) =
        (state.status(), state.router(), state.username())
    {
        let name = format!("{router}/{username}");
        if work.ask(|log| log.claimed_by(USERNAME, &name)).await? == Some(line.as_uuid()) {
            work.release(USERNAME, name);
        }
    }
    Ok(())
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
