//! Timers of policies: their rows, and the commands that put and remove them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{TimerId, policy::TimerKind};
use simpul_event_store::{
    Access, Command, StoreError, Work,
    feed::HandlerError,
    inline::{Inline, Origin, timer::Timer},
};

use crate::{Outcome, Refusal, permission};

/// What a timer is for.
pub fn timer_kind(timer: &Timer) -> Result<TimerKind, HandlerError> {
    serde_json::from_str(&timer.subject).map_err(HandlerError::permanent)
}

/// The row of a timer.
pub fn timer_row(
    kind: &TimerKind,
    due_at: DateTime<Utc>,
    origin: Option<Origin>,
) -> Result<Timer, StoreError> {
    let name = match kind {
        TimerKind::InvoiceOverdue { .. } => "invoice_overdue",
        TimerKind::IsolirDue { .. } => "isolir_due",
        TimerKind::IsolirAgain { .. } => "isolir_again",
        TimerKind::LateFeeDue { .. } => "late_fee_due",
        TimerKind::BillLine { .. } => "bill_line",
        TimerKind::StopDue { .. } => "stop_due",
        TimerKind::CheckDomain { .. } => "check_domain",
        TimerKind::SweepLines(_) => "sweep_lines",
        TimerKind::BillAccount { .. } => "bill_account",
        TimerKind::BillReminder { .. } => "bill_reminder",
        TimerKind::ArrearsDue { .. } => "arrears_due",
        TimerKind::AddOnEnds { .. } => "add_on_ends",
        TimerKind::TenantDeletion { .. } => "tenant_deletion",
        TimerKind::SessionStolen { .. } => "session_stolen",
        TimerKind::GoOnWithJob { .. } => "job",
        TimerKind::Reopened { .. } => "reopened",
    };
    Ok(Timer {
        id: kind.timer(),
        kind: name.to_owned(),
        subject: serde_json::to_string(kind).map_err(StoreError::Unwritable)?,
        due_at,
        origin,
    })
}

/// What a row that this work puts came from.
pub(crate) fn origin(work: &Work<'_>) -> Option<Origin> {
    work.context().cause.map(|cause| Origin {
        cause: cause.as_uuid(),
        correlation: work.context().correlation,
    })
}

/// Puts a timer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ScheduleTimer {
    pub(super) due_at: DateTime<Utc>,
    pub(super) kind: TimerKind,
}

impl Command for ScheduleTimer {
    const NAME: &'static str = "timer.schedule";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let timer = timer_row(&self.kind, self.due_at, origin(work))?;
        work.inline(Inline::ScheduleTimer(timer));
        Ok(())
    }
}

/// Removes a timer that has fired.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CompleteTimer {
    pub(super) timer: TimerId,
}

impl Command for CompleteTimer {
    const NAME: &'static str = "timer.complete";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        work.inline(Inline::CompleteTimer(self.timer));
        Ok(())
    }
}
