//! What can be asked of a subscription.

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::PppUsername;
use crate::{
    CustomerId, InvoiceId, RouterId, Sealed, SubscriptionId, billing::DueDay, catalog::PlanTerms, time::Zone,
};

/// Commands of `subscriptions.subscription`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionCommand {
    Open(Box<OpenSubscription>),
    /// Gives service for the first time, or again after STOPPED.
    Activate {
        at: DateTime<Utc>,
    },
    NoteOverdue(NoteOverdue),
    /// The invoice is paid or void. May arrive before the note.
    ClearOverdue {
        invoice: InvoiceId,
        at: DateTime<Utc>,
    },
    Suspend {
        reason: String,
        at: DateTime<Utc>,
    },
    Resume {
        at: DateTime<Utc>,
    },
    Stop {
        reason: String,
        at: DateTime<Utc>,
    },
    Terminate {
        reason: String,
        at: DateTime<Utc>,
    },
    ChangePlan {
        terms: PlanTerms,
        at: DateTime<Utc>,
    },
    /// Another PPP password.
    ChangeSecret {
        secret: Sealed,
        at: DateTime<Utc>,
    },
}

/// A new service line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSubscription {
    pub subscription: SubscriptionId,
    pub customer: CustomerId,
    pub terms: PlanTerms,
    pub router: RouterId,
    pub username: PppUsername,
    pub secret: Sealed,
    pub due_day: DueDay,
    pub installed_on: NaiveDate,
    pub zone: Zone,
    pub at: DateTime<Utc>,
}

/// What keeps an unpaid subscription from being isolated today.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IsolirHold {
    /// Promise to pay (janji bayar): nobody is isolated up to and on this date.
    pub promise_until: Option<NaiveDate>,
    /// The line is out of order.
    pub outage: bool,
    /// It is one of the operator's days off (F209).
    pub day_off: bool,
    /// The day's run concerns more lines than its limits allow, and nobody has approved it (F210).
    pub run_held: bool,
}

/// An invoice of this subscription is overdue on `today`. Sent when it falls overdue and again after the grace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteOverdue {
    pub invoice: InvoiceId,
    pub due_on: NaiveDate,
    /// The tenant's local date.
    pub today: NaiveDate,
    /// Whole days after `due_on` during which nobody is isolated.
    pub grace_days: u16,
    /// Whether the invoice still asks for money, read in this command. A late note of a paid invoice is nothing.
    pub invoice_open: bool,
    /// It had been settled, and money was taken back since.
    pub reopened: bool,
    pub hold: IsolirHold,
    pub at: DateTime<Utc>,
}

impl NoteOverdue {
    /// Whether the invoice isolates today: the grace has passed, and nothing holds.
    pub fn is_ripe(&self) -> bool {
        let grace_over = self
            .due_on
            .checked_add_days(Days::new(u64::from(self.grace_days)))
            .is_some_and(|last_day| self.today > last_day);
        let promised = self.hold.promise_until.is_some_and(|until| self.today <= until);
        grace_over && !promised && !self.hold.outage && !self.hold.day_off && !self.hold.run_held
    }
}
