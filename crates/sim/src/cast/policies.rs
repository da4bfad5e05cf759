//! The policies at work: each event's intents become commands, as `app/src/policies.rs` carries them out.

use std::{collections::BTreeSet, rc::Rc};

use chrono::{DateTime, Utc};
use simpul_domain::{
    AnyEvent, CommandId, TenantId, TimerId,
    billing::{dunning, isolir},
    identity::session::theft,
    messaging::{
        MessageKind,
        message::QueueMessage,
        receipts::{self, ReceiptFacts},
        sender::Channel,
    },
    policy::{Intent, TimerKind},
    subscriptions::Subscription,
};
use simpul_event_store::feed::OnError;

use super::{
    command::{Change, Command, Context, Failure, Overdue, dispatch},
    feed::{self, Handler, Trouble},
};
use crate::{model::log::Recorded, stage::Seat};

pub(crate) const POLICIES: &str = "policies";

/// The reactor.
pub(super) struct Policies {
    facts: ReceiptFacts,
}

pub(super) async fn run(seat: Seat) {
    feed::run(seat, Policies::new()).await;
}

impl Policies {
    pub(super) fn new() -> Self {
        let enabled: BTreeSet<MessageKind> = [
            MessageKind::InvoiceCreated,
            MessageKind::InvoiceOverdue,
            MessageKind::InvoicePaid,
            MessageKind::CustomerIsolated,
            MessageKind::CustomerUnisolated,
        ]
        .into();
        let facts = ReceiptFacts {
            enabled,
            channel: Channel::Whatsapp,
        };
        Self { facts }
    }

    fn wishes(&self, seat: &Seat, tenant: TenantId, recorded: &Recorded) -> Vec<(&'static str, Intent)> {
        let mut wishes: Vec<(&'static str, Intent)> = Vec::new();
        match &recorded.event {
            AnyEvent::Invoice(invoice) => {
                let grace_days = seat.with(|world| world.operator(tenant).map_or(0, |one| one.grace_days));
                // Reminders and stops are left out: no operator of the simulation has chosen them.
                let facts = dunning::DunningFacts {
                    grace_days: grace_days.into(),
                    ..dunning::DunningFacts::default()
                };
                let dunning = dunning::react(invoice, &facts);
                wishes.extend(dunning.into_iter().map(|intent| (dunning::POLICY, intent)));
                wishes.extend(
                    isolir::react(invoice)
                        .into_iter()
                        .map(|intent| (isolir::POLICY, intent)),
                );
                let messages = receipts::on_invoice(recorded.id, invoice, &self.facts);
                wishes.extend(messages.into_iter().map(|intent| (receipts::POLICY, intent)));
            }
            AnyEvent::Provisioning(provisioning) => {
                let customer = seat.with(|world| {
                    let log = world.store.log(tenant)?;
                    log.load::<Subscription>(recorded.stream.1).0.customer()
                });
                if let Some(customer) = customer {
                    let messages =
                        receipts::on_provisioning(recorded.id, provisioning, customer, &self.facts);
                    wishes.extend(messages.into_iter().map(|intent| (receipts::POLICY, intent)));
                }
            }
            _ => {}
        }
        wishes
    }
}

impl Handler for Policies {
    const NAME: &'static str = POLICIES;
    const ON_ERROR: OnError = OnError::Park;
    const BATCH: usize = 4;
    const OUTSIDE: bool = true;

    async fn react(&self, seat: &Seat, tenant: TenantId, events: &[Rc<Recorded>]) -> Result<(), Trouble> {
        for recorded in events {
            if seat.with(|world| world.is_poison(Self::NAME, tenant, recorded.seq)) {
                return Err(Trouble::Poison(recorded.seq));
            }
            for (policy, intent) in self.wishes(seat, tenant, recorded) {
                let id = intent.command_id(recorded.id, policy);
                carry_out(seat, Context::new(tenant, id), intent, None).await?;
            }
            seat.with(|world| world.handled(Self::NAME, tenant, std::slice::from_ref(recorded)));
        }
        Ok(())
    }
}

/// Dispatches what a policy wishes. A refusal is an answer: what the policy knew was out of date.
///
/// `not_before`: when the timer that wishes it fell due, if one does.
async fn carry_out(
    seat: &Seat,
    context: Context,
    intent: Intent,
    not_before: Option<DateTime<Utc>>,
) -> Result<(), Trouble> {
    let command = match intent {
        Intent::MarkOverdue { invoice } => Command::MarkOverdue { invoice, not_before },
        Intent::NoteOverdue {
            subscription,
            invoice,
            due_on,
        } => {
            let overdue = Overdue {
                invoice,
                due_on,
                not_before,
            };
            Command::Line(subscription, Change::NoteOverdue(overdue))
        }
        Intent::ClearOverdue {
            subscription,
            invoice,
        } => Command::Line(subscription, Change::ClearOverdue(invoice)),
        Intent::QueueMessage {
            message,
            kind,
            customer,
            channel,
            cause,
            refs,
        } => Command::QueueMessage(QueueMessage {
            message,
            kind,
            customer,
            channel,
            cause,
            refs,
            template_version: 1,
            at: DateTime::UNIX_EPOCH,
        }),
        Intent::EndStolenSession { session } => Command::EndStolenSession { session },
        Intent::ScheduleTimer { due_at, kind, .. } => Command::ScheduleTimer { due_at, kind },
        // What concerns the platform and its operators is not simulated.
        _ => return Ok(()),
    };
    settled(&dispatch(seat, context, &command).await)
}

fn settled<T>(result: &Result<T, Failure>) -> Result<(), Trouble> {
    match result {
        Ok(_) | Err(Failure::Refused(_)) => Ok(()),
        Err(Failure::Unavailable | Failure::Append(_)) => Err(Trouble::Transient),
    }
}

/// Carries out what a timer wants, then completes it. The product ends both in one unit of work where it can; in two steps,
/// which it takes for what is refused or concerns another log, more can go wrong.
pub(super) async fn fire(
    seat: &Seat,
    tenant: TenantId,
    timer: TimerId,
    kind: &TimerKind,
    due_at: DateTime<Utc>,
) -> Result<(), Trouble> {
    let context = |name: &str, index: u32| Context {
        timer: Some(timer),
        ..Context::new(
            tenant,
            CommandId::derive(timer.as_uuid(), &format!("{name}/{index}")),
        )
    };
    if let Some(intent) = dunning::on_timer(kind).or_else(|| theft::on_timer(kind)) {
        carry_out(seat, context("timer", intent.index()), intent, Some(due_at)).await?;
    }
    let done = Context {
        timer: None,
        ..context("timer.done", 0)
    };
    settled(&dispatch(seat, done, &Command::CompleteTimer(timer)).await)
}
