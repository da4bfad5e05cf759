//! A line's bill goes out by itself, and the next one is seen to in the same unit of work.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    SubscriptionId, TimerId,
    billing::cycle::{due_date, issued_on, turn},
    subscriptions::{Subscription, subscription::SubscriptionStatus},
    time::Zone,
};
use simpul_event_store::{Access, Command, Work, inline::Inline};

use super::lines;
use crate::{
    Outcome, Refusal, permission,
    policies::{origin, timer_row},
    tenancy,
};

/// It may be time to bill a line for the month that ends on that day.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BillLine {
    pub subscription: SubscriptionId,
    pub due_on: NaiveDate,
    /// When the timer that asks fell due. A clock that was set back since then does not make it early.
    pub not_before: Option<DateTime<Utc>>,
}

impl Command for BillLine {
    const NAME: &'static str = "invoice.bill_line";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let line = work.load::<Subscription>(&self.subscription.to_string()).await?;
        let Some(due_day) = line.due_day() else {
            return Ok(());
        };
        match line.status() {
            SubscriptionStatus::Active | SubscriptionStatus::Isolated | SubscriptionStatus::Suspended => {}
            // Its cycle begins again when it is activated.
            SubscriptionStatus::Absent
            | SubscriptionStatus::Pending
            | SubscriptionStatus::Stopped
            | SubscriptionStatus::Terminated => return Ok(()),
        }
        let settings = tenancy::settings(work).await?;
        let (zone, ahead) = (settings.region.zone, settings.invoicing.issue_days_ahead.get());
        let at = work.at();
        let today = zone.date_at(self.not_before.map_or(at, |due_at| due_at.max(at)));
        if today < issued_on(self.due_on, ahead) {
            // The operator has chosen a shorter distance since the timer was put.
            return self.see_to(work, self.due_on, ahead, zone);
        }
        let due_on = due_date(self.due_on, today, ahead);
        lines::bill(work, self.subscription, self.due_on, due_on).await?;
        self.see_to(work, due_day.next_after(self.due_on), ahead, zone)
    }
}

/// [`BillLine`] for many lines in one unit of work: each bill is a stream of its own with the next number, and everything
/// is read in a few calls. What one of them refuses is refused for all; then each is asked for alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BillLines {
    pub lines: Vec<BillLine>,
    /// The timers that ask.
    pub timers: Vec<TimerId>,
}

impl Command for BillLines {
    const NAME: &'static str = "invoice.bill_lines";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let turns: Vec<_> = self
            .lines
            .iter()
            .map(|line| (line.subscription, line.due_on))
            .collect();
        lines::read_ahead(work, &turns).await?;
        for timer in &self.timers {
            work.inline(Inline::CompleteTimer(*timer));
        }
        for line in &self.lines {
            line.run(work).await?;
        }
        Ok(())
    }
}

impl BillLine {
    fn see_to(&self, work: &mut Work<'_>, due_on: NaiveDate, ahead: u16, zone: Zone) -> Outcome<()> {
        let (due_at, kind) = turn(self.subscription, due_on, ahead, zone);
        let timer = timer_row(&kind, due_at, origin(work))?;
        work.inline(Inline::ScheduleTimer(timer));
        Ok(())
    }
}
