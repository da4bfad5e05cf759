//! What can be asked of a subscription.

use chrono::{DateTime, NaiveDate, Utc};

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
