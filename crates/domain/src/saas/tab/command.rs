//! What can be asked of a tab.

use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    InvoiceId, Rupiah, TenantId,
    billing::{DueDay, Tax},
    customers::CustomerCode,
    saas::pricing::Item,
};

/// Commands of `saas.tab`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TabCommand {
    Open(OpenTab),
    /// The item costs this from a day on, whatever it cost before.
    StartCharge(StartCharge),
    /// The item costs nothing from a day on.
    EndCharge {
        item: Item,
        until: NaiveDate,
        at: DateTime<Utc>,
    },
    /// Bills the next period if it has begun; otherwise nothing.
    BillPeriod(BillPeriod),
    /// The bill is unpaid and its grace is over.
    NoteArrears {
        invoice: InvoiceId,
        at: DateTime<Utc>,
    },
    /// The bill is paid or withdrawn.
    ClearArrears {
        invoice: InvoiceId,
        at: DateTime<Utc>,
    },
    /// Its deletion is ordered: nothing is charged from a day on. What is open is settled with one last bill.
    Suspend {
        from: NaiveDate,
        at: DateTime<Utc>,
    },
    /// It is restored: what it had is charged again from a day on. The days in between cost nothing.
    Resume {
        from: NaiveDate,
        at: DateTime<Utc>,
    },
    /// The operator leaves: every charge ends. What is open is settled with one last bill.
    Close {
        until: NaiveDate,
        at: DateTime<Utc>,
    },
}

/// A new operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTab {
    pub account: TenantId,
    /// On bills.
    pub code: CustomerCode,
    /// Name of the operator on bills.
    pub name: String,
    /// The first day that can be charged.
    pub opened_on: NaiveDate,
    pub billing_day: DueDay,
    pub at: DateTime<Utc>,
}

/// See [`TabCommand::StartCharge`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartCharge {
    pub item: Item,
    /// As printed.
    pub label: String,
    /// Per month.
    pub price: Rupiah,
    pub from: NaiveDate,
    pub at: DateTime<Utc>,
}

/// See [`TabCommand::BillPeriod`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BillPeriod {
    /// The platform's local date.
    pub today: NaiveDate,
    /// On which the period after this one begins.
    pub billing_day: DueDay,
    pub tax: Option<Tax>,
    pub at: DateTime<Utc>,
}
