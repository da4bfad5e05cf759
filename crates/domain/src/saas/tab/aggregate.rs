//! State and decisions of a tab.

use std::collections::BTreeSet;

use chrono::{DateTime, Months, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ArrearsCleared, ArrearsNoted, BillPeriod, ChargeEnded, ChargeStarted, OpenTab, PeriodBilled, StartCharge,
    TabClosed, TabCommand, TabError, TabEvent, TabOpened, TabResumed, TabSuspended,
};
use crate::{
    Decider, InvoiceId, Rupiah, TenantId, aggregate,
    billing::Period,
    customers::CustomerCode,
    saas::{
        bill_id,
        meter::MAX_LABEL_CHARS,
        pricing::{self, Before, Charge, Item},
    },
};

/// Where a tab stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TabStatus {
    #[default]
    Absent,
    Open,
    /// Nothing is charged any more, unless it is resumed. One last bill settles what is open.
    Suspended,
    /// Suspended, and settled.
    Dormant,
    /// One last bill settles what is open.
    Closed,
    /// Closed, and settled.
    Settled,
}

/// What one operator runs up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tab {
    status: TabStatus,
    owner: Option<Owner>,
    /// In order of their beginning; what ended before the period that is settled next is forgotten.
    charges: Vec<Charge>,
    before: Option<Before>,
    next_on: NaiveDate,
    carried: Rupiah,
    arrears: BTreeSet<InvoiceId>,
    /// From when on nothing is charged. The charges run on for when it is resumed.
    suspended_from: Option<NaiveDate>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    account: TenantId,
    code: CustomerCode,
    name: String,
}

aggregate!(Tab);

impl Tab {
    pub const fn status(&self) -> TabStatus {
        self.status
    }

    /// How bills name the operator: its code and its name.
    pub fn payer(&self) -> Option<(&CustomerCode, &str)> {
        self.owner
            .as_ref()
            .map(|owner| (&owner.code, owner.name.as_str()))
    }

    /// The unpaid bills whose grace is over.
    pub const fn arrears(&self) -> &BTreeSet<InvoiceId> {
        &self.arrears
    }

    /// What is charged on a day.
    pub fn charges_on(&self, date: NaiveDate) -> impl Iterator<Item = &Charge> {
        let suspended = self.suspended_from.is_some_and(|from| from <= date);
        self.charges
            .iter()
            .filter(move |_| !suspended)
            .filter(move |charge| charge.from <= date && charge.until.is_none_or(|until| date < until))
    }

    fn running(&self, item: &Item) -> Option<&Charge> {
        self.charges
            .iter()
            .find(|charge| charge.item == *item && charge.until.is_none())
    }

    /// First day of the period that is billed next.
    pub const fn next_on(&self) -> NaiveDate {
        self.next_on
    }

    /// The first day that is not settled for good.
    pub fn open_from(&self) -> NaiveDate {
        self.before
            .as_ref()
            .map_or(self.next_on, |before| before.period.from())
    }

    /// The charges with what is not charged cut off.
    fn owed(&self) -> Vec<Charge> {
        let mut charges = self.charges.clone();
        if let Some(from) = self.suspended_from {
            end_at(&mut charges, from, |_| true);
        }
        charges
    }

    fn open(&self, open: OpenTab) -> Vec<TabEvent> {
        match self.status {
            TabStatus::Absent => vec![TabEvent::Opened(TabOpened {
                account: open.account,
                code: open.code,
                name: open.name,
                opened_on: open.opened_on,
                next_on: open.billing_day.on_or_after(open.opened_on),
                at: open.at,
            })],
            TabStatus::Open
            | TabStatus::Suspended
            | TabStatus::Dormant
            | TabStatus::Closed
            | TabStatus::Settled => Vec::new(),
        }
    }

    fn start(&self, account: TenantId, start: StartCharge) -> Result<Vec<TabEvent>, TabError> {
        let StartCharge {
            item,
            label,
            price,
            from,
            at,
        } = start;
        if price < Rupiah::ZERO {
            return Err(TabError::PriceNegative);
        }
        if label.trim().is_empty() || label.chars().count() > MAX_LABEL_CHARS {
            return Err(TabError::Label);
        }
        if from < self.open_from() {
            return Err(TabError::SettledAlready);
        }
        let same = |charge: &Charge| charge.price == price && charge.label == label;
        if self.running(&item).is_some_and(same) {
            return Ok(Vec::new());
        }
        let charge = Charge {
            item,
            label,
            price,
            from,
            until: None,
        };
        Ok(vec![TabEvent::ChargeStarted(ChargeStarted {
            account,
            charge,
            at,
        })])
    }

    fn end(
        &self,
        account: TenantId,
        item: Item,
        until: NaiveDate,
        at: DateTime<Utc>,
    ) -> Result<Vec<TabEvent>, TabError> {
        if self.running(&item).is_none() {
            return Ok(Vec::new());
        }
        if until < self.open_from() {
            return Err(TabError::SettledAlready);
        }
        Ok(vec![TabEvent::ChargeEnded(ChargeEnded {
            account,
            item,
            until,
            at,
        })])
    }

    fn bill(&self, account: TenantId, bill: &BillPeriod) -> Result<Vec<TabEvent>, TabError> {
        let begun = self.next_on <= bill.today;
        match self.status {
            TabStatus::Open | TabStatus::Suspended | TabStatus::Closed if begun => {}
            TabStatus::Absent
            | TabStatus::Open
            | TabStatus::Suspended
            | TabStatus::Dormant
            | TabStatus::Closed
            | TabStatus::Settled => return Ok(Vec::new()),
        }
        let from = self.next_on;
        // INVARIANT: the day after a date comes after it.
        let Ok(period) = Period::try_new(from, bill.billing_day.next_after(from)) else {
            return Ok(Vec::new());
        };
        let owed = self.owed();
        let priced = pricing::price(period, self.before.as_ref(), self.carried, &owed, bill.tax)?;
        let invoice = (!priced.lines.is_empty()).then(|| bill_id(account, period));
        let is_last =
            self.status != TabStatus::Open && owed.iter().all(|one| one.until.is_some_and(|end| end <= from));
        Ok(vec![TabEvent::PeriodBilled(Box::new(PeriodBilled {
            account,
            period,
            invoice,
            lines: priced.lines,
            billed: priced.billed,
            carried: priced.carried,
            next_on: (!is_last).then_some(period.until()),
            at: bill.at,
        }))])
    }

    fn suspend(&self, account: TenantId, from: NaiveDate, at: DateTime<Utc>) -> Vec<TabEvent> {
        match self.status {
            TabStatus::Absent | TabStatus::Open => {
                vec![TabEvent::Suspended(TabSuspended { account, from, at })]
            }
            TabStatus::Suspended | TabStatus::Dormant | TabStatus::Closed | TabStatus::Settled => Vec::new(),
        }
    }

    fn resume(
        &self,
        account: TenantId,
        from: NaiveDate,
        at: DateTime<Utc>,
    ) -> Result<Vec<TabEvent>, TabError> {
        match (self.status, self.suspended_from) {
            (TabStatus::Closed | TabStatus::Settled, _) => Err(TabError::Closed),
            (TabStatus::Absent | TabStatus::Open | TabStatus::Suspended | TabStatus::Dormant, None) => {
                Ok(Vec::new())
            }
            (
                TabStatus::Absent | TabStatus::Open | TabStatus::Suspended | TabStatus::Dormant,
                Some(since),
            ) => {
                if from < self.open_from() {
                    return Err(TabError::SettledAlready);
                }
                Ok(vec![TabEvent::Resumed(TabResumed {
                    account,
                    from: from.max(since),
                    next_on: self.next_on,
                    at,
                })])
            }
        }
    }

    fn close(&self, account: TenantId, until: NaiveDate, at: DateTime<Utc>) -> Vec<TabEvent> {
        match self.status {
            TabStatus::Absent | TabStatus::Open | TabStatus::Suspended | TabStatus::Dormant => {
                let until = self.suspended_from.map_or(until, |from| from.min(until));
                vec![TabEvent::Closed(TabClosed { account, until, at })]
            }
            TabStatus::Closed | TabStatus::Settled => Vec::new(),
        }
    }

    fn note(&self, account: TenantId, invoice: InvoiceId, at: DateTime<Utc>) -> Vec<TabEvent> {
        if self.arrears.contains(&invoice) {
            return Vec::new();
        }
        vec![TabEvent::FellIntoArrears(ArrearsNoted {
            account,
            invoice,
            is_first: self.arrears.is_empty(),
            at,
        })]
    }

    fn clear(&self, account: TenantId, invoice: InvoiceId, at: DateTime<Utc>) -> Vec<TabEvent> {
        if !self.arrears.contains(&invoice) {
            return Vec::new();
        }
        vec![TabEvent::ClearedOfArrears(ArrearsCleared {
            account,
            invoice,
            was_last: self.arrears.len() == 1,
            at,
        })]
    }

    /// What was charged when the tab was suspended is charged again from a day on.
    fn charge_again(&mut self, from: NaiveDate) {
        let Some(since) = self.suspended_from.take() else {
            return;
        };
        let runs = |charge: &&Charge| charge.until.is_none_or(|end| end > from);
        let again: Vec<Charge> = self
            .charges
            .iter()
            .filter(runs)
            .map(|charge| Charge {
                from: charge.from.max(from),
                ..charge.clone()
            })
            .collect();
        end_at(&mut self.charges, since, |_| true);
        self.charges.extend(again);
    }
}

/// Ends what runs at `until`; a charge that would begin later never does.
fn end_at(charges: &mut Vec<Charge>, until: NaiveDate, which: impl Fn(&Charge) -> bool) {
    for charge in charges.iter_mut().filter(|charge| which(charge)) {
        if charge.until.is_none_or(|end| end > until) {
            charge.until = Some(until);
        }
    }
    charges.retain(|charge| charge.until.is_none_or(|end| end > charge.from));
}

/// After the last bill.
const fn settled(status: TabStatus) -> TabStatus {
    match status {
        TabStatus::Suspended | TabStatus::Dormant => TabStatus::Dormant,
        TabStatus::Absent | TabStatus::Open | TabStatus::Closed | TabStatus::Settled => TabStatus::Settled,
    }
}

/// The period before the first one that is billed in advance.
fn before_first(opened: &TabOpened) -> Option<Before> {
    let month_before = opened.next_on.checked_sub_months(Months::new(1))?;
    let period = Period::try_new(month_before, opened.next_on).ok()?;
    Some(Before {
        period,
        billed: Vec::new(),
    })
}

impl Decider for Tab {
    const TYPE: &'static str = "saas.tab";
    const STATE_VERSION: i32 = 2;
    type Command = TabCommand;
    type Event = TabEvent;
    type Error = TabError;

    fn decide(&self, command: TabCommand) -> Result<Vec<TabEvent>, TabError> {
        let account = self
            .owner
            .as_ref()
            .map(|owner| owner.account)
            .ok_or(TabError::NotFound);
        match (command, self.status) {
            (TabCommand::Open(open), _) => Ok(self.open(open)),
            (TabCommand::StartCharge(_), TabStatus::Closed | TabStatus::Settled) => Err(TabError::Closed),
            (
                TabCommand::StartCharge(start),
                TabStatus::Absent | TabStatus::Open | TabStatus::Suspended | TabStatus::Dormant,
            ) => self.start(account?, start),
            (TabCommand::EndCharge { item, until, at }, _) => self.end(account?, item, until, at),
            (TabCommand::BillPeriod(bill), _) => self.bill(account?, &bill),
            (TabCommand::NoteArrears { invoice, at }, _) => Ok(self.note(account?, invoice, at)),
            (TabCommand::ClearArrears { invoice, at }, _) => Ok(self.clear(account?, invoice, at)),
            (TabCommand::Suspend { from, at }, _) => Ok(self.suspend(account?, from, at)),
            (TabCommand::Resume { from, at }, _) => self.resume(account?, from, at),
            (TabCommand::Close { until, at }, _) => Ok(self.close(account?, until, at)),
        }
    }

    fn evolve(&mut self, event: &TabEvent) {
        match event {
            TabEvent::Opened(opened) => {
                self.status = TabStatus::Open;
                self.owner = Some(Owner {
                    account: opened.account,
                    code: opened.code.clone(),
                    name: opened.name.clone(),
                });
                self.next_on = opened.next_on;
                self.before = before_first(opened);
            }
            TabEvent::ChargeStarted(started) => {
                let charge = &started.charge;
                end_at(&mut self.charges, charge.from, |earlier| {
                    earlier.item == charge.item
                });
                self.charges.push(charge.clone());
            }
            TabEvent::ChargeEnded(ended) => {
                end_at(&mut self.charges, ended.until, |charge| charge.item == ended.item);
            }
            TabEvent::PeriodBilled(billed) => {
                self.next_on = billed.period.until();
                if billed.next_on.is_none() {
                    self.status = settled(self.status);
                }
                self.carried = billed.carried;
                let settled_until = billed.period.from();
                self.charges
                    .retain(|charge| charge.until.is_none_or(|end| end > settled_until));
                self.before = Some(Before {
                    period: billed.period,
                    billed: billed.billed.clone(),
                });
            }
            TabEvent::FellIntoArrears(noted) => {
                self.arrears.insert(noted.invoice);
            }
            TabEvent::ClearedOfArrears(cleared) => {
                self.arrears.remove(&cleared.invoice);
            }
            TabEvent::Suspended(suspended) => {
                self.status = TabStatus::Suspended;
                self.suspended_from = Some(suspended.from);
            }
            TabEvent::Resumed(resumed) => {
                self.status = TabStatus::Open;
                self.next_on = resumed.next_on;
                self.charge_again(resumed.from);
            }
            TabEvent::Closed(closed) => {
                self.status = match self.status {
                    TabStatus::Dormant | TabStatus::Settled => TabStatus::Settled,
                    TabStatus::Absent | TabStatus::Open | TabStatus::Suspended | TabStatus::Closed => {
                        TabStatus::Closed
                    }
                };
                self.suspended_from = None;
                end_at(&mut self.charges, closed.until, |_| true);
            }
        }
    }
}
