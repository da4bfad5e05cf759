//! What follows from an event, as a wish: policies are pure `react(event, facts) -> intents`.
//!
//! A reactor turns each intent into a command or a row. The command's id derives from the event, the policy and
//! the intent's index, so that repeating a reaction is a no-op. Whatever a policy was told is checked again by
//! the command that follows.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AddOnOrderId, CommandId, CustomDomainId, CustomerId, EventId, InvoiceId, JobId, MessageId, SessionId,
    SubscriptionId, TenantId, TimerId,
    messaging::{
        MessageKind,
        message::{MessageRefs, message_id},
        sender::Channel,
    },
    network::sweep::Sweep,
    platform::Errand,
    saas::{meter::Reading, statement::News},
};

/// What a timer does when it is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TimerKind {
    /// Mark the invoice overdue if it still asks for money.
    InvoiceOverdue { invoice: InvoiceId },
    /// Note the overdue invoice again, now that the grace is over.
    IsolirDue {
        invoice: InvoiceId,
        subscription: SubscriptionId,
        due_on: NaiveDate,
    },
    /// The same once more: on a day off nobody is isolated, and a run that was held goes on when somebody approves it.
    IsolirAgain {
        invoice: InvoiceId,
        subscription: SubscriptionId,
        due_on: NaiveDate,
        due_at: DateTime<Utc>,
    },
    /// Ask a late fee if the invoice still asks for money: the grace is over.
    LateFeeDue { invoice: InvoiceId },
    /// Bill the line for the month that ends on `due_on`. The day tells the timers of one bill apart: the operator may
    /// choose another distance while one waits.
    BillLine {
        subscription: SubscriptionId,
        due_on: NaiveDate,
        on: NaiveDate,
    },
    /// Stop the line if it has been isolated ever since and a bill still asks for money: it is long unpaid.
    StopDue {
        subscription: SubscriptionId,
        isolated_at: DateTime<Utc>,
    },
    /// Put a wish on the lanes of many lines, page by page.
    SweepLines(Sweep),
    /// Bill the operator's next period, which begins on that day.
    BillAccount { account: TenantId, on: NaiveDate },
    /// Remind the payer of a bill.
    BillReminder { invoice: InvoiceId, stage: i8 },
    /// The grace of an operator's bill is over.
    ArrearsDue { invoice: InvoiceId, account: TenantId },
    /// The period of a cancelled add-on is over.
    AddOnEnds { tenant: TenantId, order: AddOnOrderId },
    /// Look for the proof of a domain. The token tells one request of it from the next.
    CheckDomain {
        domain: CustomDomainId,
        token: String,
        due_at: DateTime<Utc>,
        /// Whether the next look follows from this one.
        again: bool,
    },
    /// The days of grace before a deletion are over.
    TenantDeletion { tenant: TenantId, due_at: DateTime<Utc> },
    /// Say in its stream that a session ended because one of its tokens came twice.
    SessionStolen { session: SessionId },
    /// Carry out the next items of a job.
    GoOnWithJob { job: JobId },
    /// A step once more for a bill whose money was taken back: the step's own timer may have passed while it was paid.
    Reopened {
        step: Box<TimerKind>,
        reopened_at: DateTime<Utc>,
    },
}

impl TimerKind {
    /// The one timer of this kind for what it is about.
    pub fn timer(&self) -> TimerId {
        match self {
            Self::SweepLines(sweep) => sweep.timer(),
            Self::InvoiceOverdue { invoice } => TimerId::derive(invoice.as_uuid(), "overdue"),
            Self::IsolirDue { invoice, .. } => TimerId::derive(invoice.as_uuid(), "isolir"),
            Self::IsolirAgain { invoice, due_at, .. } => TimerId::derive(
                invoice.as_uuid(),
                &format!("isolir/{}", due_at.timestamp_micros()),
            ),
            Self::LateFeeDue { invoice } => TimerId::derive(invoice.as_uuid(), "late_fee"),
            Self::BillLine {
                subscription,
                due_on,
                on,
            } => TimerId::derive(subscription.as_uuid(), &format!("bill/{due_on}/{on}")),
            Self::StopDue {
                subscription,
                isolated_at,
            } => TimerId::derive(
                subscription.as_uuid(),
                &format!("stop/{}", isolated_at.timestamp_micros()),
            ),
            Self::BillAccount { account, on } => {
                TimerId::derive(account.as_uuid(), &format!("saas.bill/{on}"))
            }
            Self::BillReminder { invoice, stage } => {
                TimerId::derive(invoice.as_uuid(), &format!("remind/{stage}"))
            }
            Self::ArrearsDue { invoice, .. } => TimerId::derive(invoice.as_uuid(), "arrears"),
            Self::AddOnEnds { order, .. } => TimerId::derive(order.as_uuid(), "ends"),
            Self::CheckDomain {
                domain,
                token,
                due_at,
                again,
            } => TimerId::derive(
                domain.as_uuid(),
                &format!("check/{token}/{again}/{}", due_at.timestamp_micros()),
            ),
            Self::TenantDeletion { tenant, due_at } => TimerId::derive(
                tenant.as_uuid(),
                &format!("deletion/{}", due_at.timestamp_micros()),
            ),
            Self::SessionStolen { session } => TimerId::derive(session.as_uuid(), "stolen"),
            Self::GoOnWithJob { job } => TimerId::derive(job.as_uuid(), "go_on"),
            Self::Reopened { step, reopened_at } => TimerId::derive(
                step.timer().as_uuid(),
                &format!("reopened/{}", reopened_at.timestamp_micros()),
            ),
        }
    }
}

/// One wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// `billing.invoice`: mark overdue.
    MarkOverdue { invoice: InvoiceId },
    /// `subscriptions.subscription`: note an overdue invoice; grace, hold and openness are read in the command.
    NoteOverdue {
        subscription: SubscriptionId,
        invoice: InvoiceId,
        due_on: NaiveDate,
    },
    /// `subscriptions.subscription`: the invoice is settled.
    ClearOverdue {
        subscription: SubscriptionId,
        invoice: InvoiceId,
    },
    /// `subscriptions.subscription`: stop; that it is isolated since then and still owes is read in the command.
    StopUnpaid {
        subscription: SubscriptionId,
        isolated_at: DateTime<Utc>,
    },
    /// `billing.invoice`: bill a line for the month that ends on that day, and see to the next one.
    BillLine {
        subscription: SubscriptionId,
        due_on: NaiveDate,
    },
    /// `billing.invoice`: ask a late fee; that the bill is still unpaid is read in the command.
    ChargeLateFee { invoice: InvoiceId },
    /// `identity.session`: end, if its stream does not say so yet.
    EndStolenSession { session: SessionId },
    /// `saas.tab`: bill the next period, if it has begun.
    BillAccount { account: TenantId },
    /// `billing.invoice`: remind the payer.
    RemindOfBill { invoice: InvoiceId, stage: i8 },
    /// `saas.tab`: the bill is unpaid after its grace; whether it still is, is read in the command.
    NoteArrears { account: TenantId, invoice: InvoiceId },
    /// `saas.tab`: the bill is settled.
    ClearArrears { account: TenantId, invoice: InvoiceId },
    /// `platform.account`: lock the panel for an unpaid bill.
    LockAccount { account: TenantId, invoice: InvoiceId },
    /// `platform.account`: open the panel, nothing is unpaid any more.
    UnlockAccount { account: TenantId },
    /// `saas.tab`: what the account has since `at`.
    Meter {
        account: TenantId,
        at: DateTime<Utc>,
        reading: Reading,
    },
    /// `saas.statement` in the operator's own log: what became of a bill.
    TellOperator {
        account: TenantId,
        invoice: InvoiceId,
        news: News,
    },
    /// `messaging.message`: queue.
    QueueMessage {
        message: MessageId,
        kind: MessageKind,
        customer: CustomerId,
        channel: Channel,
        cause: EventId,
        refs: MessageRefs,
    },
    /// A row of the timer table; the same timer again replaces nothing.
    ScheduleTimer {
        timer: TimerId,
        due_at: DateTime<Utc>,
        kind: TimerKind,
    },
    /// A command in another log than the event's.
    Errand(Errand),
}

impl Intent {
    /// Whose log the command goes to, if that is not the log of the event.
    pub fn target(&self) -> Option<TenantId> {
        match self {
            Self::Errand(errand) => Some(errand.target()),
            Self::TellOperator { account, .. } => Some(*account),
            Self::MarkOverdue { .. }
            | Self::NoteOverdue { .. }
            | Self::ClearOverdue { .. }
            | Self::StopUnpaid { .. }
            | Self::BillLine { .. }
            | Self::ChargeLateFee { .. }
            | Self::EndStolenSession { .. }
            | Self::BillAccount { .. }
            | Self::RemindOfBill { .. }
            | Self::NoteArrears { .. }
            | Self::ClearArrears { .. }
            | Self::LockAccount { .. }
            | Self::UnlockAccount { .. }
            | Self::Meter { .. }
            | Self::QueueMessage { .. }
            | Self::ScheduleTimer { .. } => None,
        }
    }

    /// A message about an event.
    pub fn message(
        cause: EventId,
        kind: MessageKind,
        customer: CustomerId,
        channel: Channel,
        refs: MessageRefs,
    ) -> Self {
        Self::QueueMessage {
            message: message_id(cause, kind),
            kind,
            customer,
            channel,
            cause,
            refs,
        }
    }

    pub fn timer(due_at: DateTime<Utc>, kind: TimerKind) -> Self {
        Self::ScheduleTimer {
            timer: kind.timer(),
            due_at,
            kind,
        }
    }

    /// A step of a bill that was reopened, at its time or at once if that has passed.
    pub(crate) fn reopened_timer(
        step_at: DateTime<Utc>,
        step: TimerKind,
        reopened_at: DateTime<Utc>,
    ) -> Self {
        let step = Box::new(step);
        Self::timer(
            step_at.max(reopened_at),
            TimerKind::Reopened { step, reopened_at },
        )
    }

    /// Tells the intents of one reaction apart, whatever the facts let through. Never renumbered; 6 and 7 are free.
    pub const fn index(&self) -> u32 {
        match self {
            Self::MarkOverdue { .. } => 1,
            Self::NoteOverdue { .. } => 2,
            Self::ClearOverdue { .. } => 3,
            Self::ScheduleTimer {
                kind: TimerKind::InvoiceOverdue { .. },
                ..
            } => 4,
            Self::ScheduleTimer {
                kind: TimerKind::IsolirDue { .. },
                ..
            } => 5,
            Self::ScheduleTimer {
                kind: TimerKind::SweepLines(_),
                ..
            } => 8,
            Self::ScheduleTimer {
                kind: TimerKind::StopDue { .. },
                ..
            } => 10,
            Self::StopUnpaid { .. } => 9,
            Self::BillLine { .. } => 12,
            Self::ChargeLateFee { .. } => 13,
            Self::ScheduleTimer {
                kind: TimerKind::BillLine { .. },
                ..
            } => 14,
            Self::ScheduleTimer {
                kind: TimerKind::LateFeeDue { .. },
                ..
            } => 15,
            Self::ScheduleTimer {
                kind: TimerKind::IsolirAgain { .. },
                ..
            } => 16,
            Self::BillAccount { .. } => 20,
            Self::RemindOfBill { .. } => 21,
            Self::NoteArrears { .. } => 22,
            Self::ClearArrears { .. } => 23,
            Self::LockAccount { .. } => 24,
            Self::UnlockAccount { .. } => 25,
            Self::TellOperator { .. } => 26,
            Self::Meter { .. } => 29,
            Self::ScheduleTimer {
                kind: TimerKind::BillAccount { .. },
                ..
            } => 27,
            Self::ScheduleTimer {
                kind: TimerKind::ArrearsDue { .. },
                ..
            } => 28,
            // One per stage: -128 to 127.
            Self::ScheduleTimer {
                kind: TimerKind::BillReminder { stage, .. },
                ..
            } => 1_000 + stage.cast_unsigned() as u32,
            Self::Errand(errand) => errand.index(),
            Self::ScheduleTimer {
                kind: TimerKind::AddOnEnds { .. },
                ..
            } => 48,
            Self::ScheduleTimer {
                kind: TimerKind::TenantDeletion { .. },
                ..
            } => 49,
            Self::ScheduleTimer {
                kind: TimerKind::CheckDomain { .. },
                ..
            } => 11,
            Self::EndStolenSession { .. } => 30,
            Self::ScheduleTimer {
                kind: TimerKind::SessionStolen { .. },
                ..
            } => 31,
            Self::ScheduleTimer {
                kind: TimerKind::GoOnWithJob { .. },
                ..
            } => 32,
            Self::ScheduleTimer {
                kind: TimerKind::Reopened { step, .. },
                ..
            } => match **step {
                TimerKind::InvoiceOverdue { .. } => 17,
                TimerKind::IsolirDue { .. } => 18,
                _ => 19,
            },
            Self::QueueMessage { kind, .. } => match kind {
                MessageKind::InvoiceCreated => 100,
                MessageKind::InvoiceDueReminder => 101,
                MessageKind::InvoiceOverdue => 102,
                MessageKind::InvoicePaid => 103,
                MessageKind::CustomerIsolated => 104,
                MessageKind::CustomerUnisolated => 105,
            },
        }
    }

    /// The id of the command that carries this intent out.
    pub fn command_id(&self, event: EventId, policy: &str) -> CommandId {
        CommandId::derive(event.as_uuid(), &format!("{policy}/{}", self.index()))
    }
}

#[cfg(test)]
mod tests;
