//! State and decisions of a subscription.
//!
//! ISOLATED is not commanded: it follows from ripe overdue invoices whenever service would otherwise be given.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{
    IsolirLifted, NoteOverdue, OpenSubscription, OverdueCleared, OverdueNoted, PlanChanged, PppUsername,
    SecretChanged, SubscriptionActivated, SubscriptionCommand, SubscriptionError, SubscriptionEvent,
    SubscriptionIsolated, SubscriptionOpened, SubscriptionResumed, SubscriptionStopped,
    SubscriptionSuspended, SubscriptionTerminated, absence::Absences,
};
use crate::{
    CustomerId, Decider, InvoiceId, RouterId, Sealed, SubscriptionId, aggregate,
    billing::{DueDay, Period},
    catalog::PlanTerms,
    time::Zone,
};

/// Settled invoices that are remembered, so that a late "overdue" of one of them isolates nobody. One invoice a
/// month makes this more than five years.
const SETTLED_REMEMBERED: usize = 64;

/// Where a service line stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubscriptionStatus {
    #[default]
    Absent,
    Pending,
    Active,
    /// Unpaid: pay page only.
    Isolated,
    /// On request or for abuse: no service, no pay page.
    Suspended,
    /// Long unpaid.
    Stopped,
    Terminated,
}

impl fmt::Display for SubscriptionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "ABSENT",
            Self::Pending => "PENDING",
            Self::Active => "ACTIVE",
            Self::Isolated => "ISOLATED",
            Self::Suspended => "SUSPENDED",
            Self::Stopped => "STOPPED",
            Self::Terminated => "TERMINATED",
        })
    }
}

/// What is known about one overdue invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverdueMark {
    pub due_on: NaiveDate,
    /// The grace has passed and nothing held.
    pub ripe: bool,
}

/// One service line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Subscription {
    status: SubscriptionStatus,
    line: Option<Line>,
    overdue: BTreeMap<InvoiceId, OverdueMark>,
    settled: VecDeque<InvoiceId>,
    absences: Absences,
}

/// What never changes about a line, and its current terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    subscription: SubscriptionId,
    customer: CustomerId,
    username: PppUsername,
    router: RouterId,
    due_day: DueDay,
    installed_on: NaiveDate,
    terms: PlanTerms,
}

aggregate!(Subscription);

impl Subscription {
    pub const fn status(&self) -> SubscriptionStatus {
        self.status
    }

    pub const fn overdue(&self) -> &BTreeMap<InvoiceId, OverdueMark> {
        &self.overdue
    }

    /// Since when it is isolated, if it is.
    pub fn isolated_since(&self) -> Option<DateTime<Utc>> {
        self.absences.isolated_since()
    }

    pub fn customer(&self) -> Option<CustomerId> {
        self.line.as_ref().map(|line| line.customer)
    }

    pub fn due_day(&self) -> Option<DueDay> {
        self.line.as_ref().map(|line| line.due_day)
    }

    pub fn router(&self) -> Option<RouterId> {
        self.line.as_ref().map(|line| line.router)
    }

    /// Its name on that router.
    pub fn username(&self) -> Option<&PppUsername> {
        self.line.as_ref().map(|line| &line.username)
    }

    /// The first day of service.
    pub fn installed_on(&self) -> Option<NaiveDate> {
        self.line.as_ref().map(|line| line.installed_on)
    }

    /// Days of the period without service that are not billed: those of a pause and after a stop, and those of an isolation
    /// unless the operator bills them.
    pub fn unbilled_days(&self, period: Period, zone: Zone, bills_isolation: bool) -> i64 {
        let since = self.installed_on().unwrap_or(period.from());
        self.absences.whole_days((period, since), zone, !bills_isolation)
    }

    /// Whether the note would isolate the line: service is given, and nothing holds.
    pub fn would_be_isolated(&self, note: &NoteOverdue) -> bool {
        self.status == SubscriptionStatus::Active && self.is_owed(note) && note.is_ripe()
    }

    fn is_owed(&self, note: &NoteOverdue) -> bool {
        let known_as_settled = self.settled.contains(&note.invoice) && !note.reopened;
        note.invoice_open && note.today > note.due_on && !known_as_settled
    }

    pub fn terms(&self) -> Option<&PlanTerms> {
        self.line.as_ref().map(|line| &line.terms)
    }

    fn open(&self, open: OpenSubscription) -> Result<Vec<SubscriptionEvent>, SubscriptionError> {
        let Some(line) = &self.line else {
            let OpenSubscription {
                subscription,
                customer,
                terms,
                router,
                username,
                secret,
                due_day,
                installed_on,
                zone,
                at,
            } = open;
            return Ok(vec![SubscriptionEvent::Opened(Box::new(SubscriptionOpened {
                subscription,
                customer,
                terms,
                router,
                username,
                secret,
                due_day,
                installed_on,
                zone,
                at,
            }))]);
        };
        if line.customer == open.customer && line.username == open.username {
            Ok(Vec::new())
        } else {
            Err(SubscriptionError::AlreadyOpened)
        }
    }

    fn activate(&self, line: &Line, at: DateTime<Utc>) -> Result<Vec<SubscriptionEvent>, SubscriptionError> {
        match self.status {
            SubscriptionStatus::Pending | SubscriptionStatus::Stopped => {
                let activated = SubscriptionActivated {
                    subscription: line.subscription,
                    at,
                };
                let mut events = vec![SubscriptionEvent::Activated(activated)];
                events.extend(isolation(line, &self.overdue, at));
                Ok(events)
            }
            SubscriptionStatus::Active | SubscriptionStatus::Isolated => Ok(Vec::new()),
            SubscriptionStatus::Absent | SubscriptionStatus::Suspended | SubscriptionStatus::Terminated => {
                Err(self.not_allowed("activate"))
            }
        }
    }

    fn note_overdue(&self, line: &Line, note: &NoteOverdue) -> Vec<SubscriptionEvent> {
        if !self.is_owed(note) || self.status == SubscriptionStatus::Terminated {
            return Vec::new();
        }
        let known = self.overdue.get(&note.invoice);
        let ripe = note.is_ripe();
        let news = known.is_none_or(|mark| ripe && !mark.ripe);
        let mut events = Vec::new();
        let mut overdue = self.overdue.clone();
        if news {
            overdue.insert(
                note.invoice,
                OverdueMark {
                    due_on: note.due_on,
                    ripe,
                },
            );
            events.push(SubscriptionEvent::OverdueNoted(OverdueNoted {
                subscription: line.subscription,
                invoice: note.invoice,
                due_on: note.due_on,
                ripe,
                at: note.at,
            }));
        }
        if self.status == SubscriptionStatus::Active {
            events.extend(isolation(line, &overdue, note.at));
        }
        events
    }

    fn clear_overdue(&self, line: &Line, invoice: InvoiceId, at: DateTime<Utc>) -> Vec<SubscriptionEvent> {
        let known = self.settled.contains(&invoice) && !self.overdue.contains_key(&invoice);
        if known || self.status == SubscriptionStatus::Terminated {
            return Vec::new();
        }
        let remaining = self.overdue.keys().filter(|known| **known != invoice).count();
        let cleared = OverdueCleared {
            subscription: line.subscription,
            invoice,
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            at,
        };
        let mut events = vec![SubscriptionEvent::OverdueCleared(cleared)];
        if self.status == SubscriptionStatus::Isolated && remaining == 0 {
            events.push(SubscriptionEvent::IsolirLifted(IsolirLifted {
                subscription: line.subscription,
                customer: line.customer,
                at,
            }));
        }
        events
    }

    fn resume(&self, line: &Line, at: DateTime<Utc>) -> Result<Vec<SubscriptionEvent>, SubscriptionError> {
        match self.status {
            SubscriptionStatus::Suspended => {
                let resumed = SubscriptionResumed {
                    subscription: line.subscription,
                    at,
                };
                let mut events = vec![SubscriptionEvent::Resumed(resumed)];
                events.extend(isolation(line, &self.overdue, at));
                Ok(events)
            }
            SubscriptionStatus::Active | SubscriptionStatus::Isolated => Ok(Vec::new()),
            SubscriptionStatus::Absent
            | SubscriptionStatus::Pending
            | SubscriptionStatus::Stopped
            | SubscriptionStatus::Terminated => Err(self.not_allowed("resume")),
        }
    }

    fn suspend(
        &self,
        line: &Line,
        reason: String,
        at: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionEvent>, SubscriptionError> {
        match self.status {
            SubscriptionStatus::Active | SubscriptionStatus::Isolated => {
                let suspended = SubscriptionSuspended {
                    subscription: line.subscription,
                    reason,
                    at,
                };
                Ok(vec![SubscriptionEvent::Suspended(suspended)])
            }
            SubscriptionStatus::Suspended => Ok(Vec::new()),
            SubscriptionStatus::Absent
            | SubscriptionStatus::Pending
            | SubscriptionStatus::Stopped
            | SubscriptionStatus::Terminated => Err(self.not_allowed("suspend")),
        }
    }

    fn stop(
        &self,
        line: &Line,
        reason: String,
        at: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionEvent>, SubscriptionError> {
        match self.status {
            SubscriptionStatus::Active | SubscriptionStatus::Isolated | SubscriptionStatus::Suspended => {
                let stopped = SubscriptionStopped {
                    subscription: line.subscription,
                    reason,
                    at,
                };
                Ok(vec![SubscriptionEvent::Stopped(stopped)])
            }
            SubscriptionStatus::Stopped => Ok(Vec::new()),
            SubscriptionStatus::Absent | SubscriptionStatus::Pending | SubscriptionStatus::Terminated => {
                Err(self.not_allowed("stop"))
            }
        }
    }

    fn terminate(&self, line: &Line, reason: String, at: DateTime<Utc>) -> Vec<SubscriptionEvent> {
        if self.status == SubscriptionStatus::Terminated {
            return Vec::new();
        }
        let terminated = SubscriptionTerminated {
            subscription: line.subscription,
            reason,
            at,
        };
        vec![SubscriptionEvent::Terminated(terminated)]
    }

    fn change_plan(
        &self,
        line: &Line,
        terms: PlanTerms,
        at: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionEvent>, SubscriptionError> {
        match self.status {
            SubscriptionStatus::Pending
            | SubscriptionStatus::Active
            | SubscriptionStatus::Isolated
            | SubscriptionStatus::Suspended => {
                if line.terms == terms {
                    return Ok(Vec::new());
                }
                Ok(vec![SubscriptionEvent::PlanChanged(PlanChanged {
                    subscription: line.subscription,
                    terms,
                    at,
                })])
            }
            SubscriptionStatus::Absent | SubscriptionStatus::Stopped | SubscriptionStatus::Terminated => {
                Err(self.not_allowed("change plan"))
            }
        }
    }

    /// Two sealed values cannot be compared, so the same password again is a change.
    fn change_secret(
        &self,
        line: &Line,
        secret: Sealed,
        at: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionEvent>, SubscriptionError> {
        match self.status {
            SubscriptionStatus::Pending
            | SubscriptionStatus::Active
            | SubscriptionStatus::Isolated
            | SubscriptionStatus::Suspended
            | SubscriptionStatus::Stopped => Ok(vec![SubscriptionEvent::SecretChanged(SecretChanged {
                subscription: line.subscription,
                secret,
                at,
            })]),
            SubscriptionStatus::Absent | SubscriptionStatus::Terminated => {
                Err(self.not_allowed("change secret"))
            }
        }
    }

    fn enter(&mut self, status: SubscriptionStatus, at: DateTime<Utc>) {
        self.status = status;
        self.absences.note(status, at);
    }

    fn not_allowed(&self, command: &'static str) -> SubscriptionError {
        SubscriptionError::NotAllowed {
            command,
            state: self.status,
        }
    }
}

/// The isolation that ripe overdue invoices ask for, if any.
fn isolation(
    line: &Line,
    overdue: &BTreeMap<InvoiceId, OverdueMark>,
    at: DateTime<Utc>,
) -> Option<SubscriptionEvent> {
    let invoices: Vec<InvoiceId> = overdue
        .iter()
        .filter(|(_, mark)| mark.ripe)
        .map(|(invoice, _)| *invoice)
        .collect();
    let isolated = SubscriptionIsolated {
        subscription: line.subscription,
        customer: line.customer,
        invoices,
        at,
    };
    (!isolated.invoices.is_empty()).then_some(SubscriptionEvent::Isolated(isolated))
}

impl Decider for Subscription {
    const TYPE: &'static str = "subscriptions.subscription";
    const STATE_VERSION: i32 = 5;
    type Command = SubscriptionCommand;
    type Event = SubscriptionEvent;
    type Error = SubscriptionError;

    fn decide(&self, command: SubscriptionCommand) -> Result<Vec<SubscriptionEvent>, SubscriptionError> {
        let line = self.line.as_ref().ok_or(SubscriptionError::NotFound);
        match command {
            SubscriptionCommand::Open(open) => self.open(*open),
            SubscriptionCommand::Activate { at } => self.activate(line?, at),
            SubscriptionCommand::NoteOverdue(note) => Ok(self.note_overdue(line?, &note)),
            SubscriptionCommand::ClearOverdue { invoice, at } => Ok(self.clear_overdue(line?, invoice, at)),
            SubscriptionCommand::Suspend { reason, at } => self.suspend(line?, reason, at),
            SubscriptionCommand::Resume { at } => self.resume(line?, at),
            SubscriptionCommand::Stop { reason, at } => self.stop(line?, reason, at),
            SubscriptionCommand::Terminate { reason, at } => Ok(self.terminate(line?, reason, at)),
            SubscriptionCommand::ChangePlan { terms, at } => self.change_plan(line?, terms, at),
            SubscriptionCommand::ChangeSecret { secret, at } => self.change_secret(line?, secret, at),
        }
    }

    fn evolve(&mut self, event: &SubscriptionEvent) {
        match event {
            SubscriptionEvent::Opened(opened) => {
                self.status = SubscriptionStatus::Pending;
                self.line = Some(Line {
                    subscription: opened.subscription,
                    customer: opened.customer,
                    username: opened.username.clone(),
                    router: opened.router,
                    due_day: opened.due_day,
                    installed_on: opened.installed_on,
                    terms: opened.terms.clone(),
                });
            }
            SubscriptionEvent::Activated(activated) => self.enter(SubscriptionStatus::Active, activated.at),
            SubscriptionEvent::IsolirLifted(lifted) => self.enter(SubscriptionStatus::Active, lifted.at),
            SubscriptionEvent::Resumed(resumed) => self.enter(SubscriptionStatus::Active, resumed.at),
            SubscriptionEvent::OverdueNoted(noted) => {
                self.overdue.insert(
                    noted.invoice,
                    OverdueMark {
                        due_on: noted.due_on,
                        ripe: noted.ripe,
                    },
                );
            }
            SubscriptionEvent::Isolated(isolated) => self.enter(SubscriptionStatus::Isolated, isolated.at),
            SubscriptionEvent::OverdueCleared(cleared) => {
                self.overdue.remove(&cleared.invoice);
                self.settled.retain(|settled| *settled != cleared.invoice);
                self.settled.push_back(cleared.invoice);
                if self.settled.len() > SETTLED_REMEMBERED {
                    self.settled.pop_front();
                }
            }
            SubscriptionEvent::Suspended(event) => self.enter(SubscriptionStatus::Suspended, event.at),
            SubscriptionEvent::Stopped(event) => self.enter(SubscriptionStatus::Stopped, event.at),
            SubscriptionEvent::Terminated(event) => self.enter(SubscriptionStatus::Terminated, event.at),
            SubscriptionEvent::PlanChanged(changed) => {
                if let Some(line) = &mut self.line {
                    line.terms = changed.terms.clone();
                }
            }
            SubscriptionEvent::SecretChanged(_) => {}
        }
    }
}
