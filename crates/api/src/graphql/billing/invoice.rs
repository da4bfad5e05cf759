//! A bill and its lines.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, Result, SimpleObject};
use simpul_app::{
    billing::{VoidInvoice, WaiveLateFee},
    permission,
};
use simpul_domain::{
    CustomerId, InvoiceId,
    billing::invoice::{Billed, InvoiceLine as DomainLine, InvoiceStatus as DomainStatus, LineKind},
};
use simpul_projections::{billing::invoice_list::InvoiceRow, sift};

use crate::{
    ApiError,
    graphql::{
        batch,
        customers::Customer,
        rows::{plain, words},
        scalar::{Date, DateTime, Money},
        scope::{SOME_REASON, Scope, scope},
        sift::Stored,
        subscriptions::Subscription,
    },
};

/// Where a bill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum InvoiceStatus {
    /// Asks for money.
    Issued,
    /// Asks for the rest.
    PartiallyPaid,
    /// Past its due date, unpaid or partially paid.
    Overdue,
    /// Nothing is asked for any more.
    Paid,
    /// Withdrawn.
    Void,
}

impl Stored for InvoiceStatus {
    fn stored(self) -> String {
        sift::word(&DomainStatus::from(self))
    }
}

impl From<DomainStatus> for InvoiceStatus {
    fn from(status: DomainStatus) -> Self {
        match status {
            // INVARIANT: a row exists from the issue on.
            DomainStatus::Absent | DomainStatus::Issued => Self::Issued,
            DomainStatus::PartiallyPaid => Self::PartiallyPaid,
            DomainStatus::Overdue => Self::Overdue,
            DomainStatus::Paid => Self::Paid,
            DomainStatus::Void => Self::Void,
        }
    }
}

impl From<InvoiceStatus> for DomainStatus {
    fn from(status: InvoiceStatus) -> Self {
        match status {
            InvoiceStatus::Issued => Self::Issued,
            InvoiceStatus::PartiallyPaid => Self::PartiallyPaid,
            InvoiceStatus::Overdue => Self::Overdue,
            InvoiceStatus::Paid => Self::Paid,
            InvoiceStatus::Void => Self::Void,
        }
    }
}

/// What a line of a bill is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "LineKind", name = "InvoiceLineKind")]
pub(crate) enum InvoiceLineKind {
    /// The plan's price.
    Plan,
    /// A part of a month.
    Proration,
    /// Something on top of the plan.
    AddOn,
    /// Paid late before.
    LateFee,
    /// PPN.
    Tax,
    /// Came off an earlier bill, could not be used up there, and comes off the next one.
    CarriedForward,
    /// The few rupiah by which a transfer is recognised.
    UniqueCode,
    /// Reduces the total.
    Discount,
    /// Gives back what was not used.
    Credit,
}

/// One line of a bill.
#[derive(Debug, SimpleObject)]
pub(crate) struct InvoiceLine {
    /// What it is for.
    kind: InvoiceLineKind,
    /// As printed.
    description: String,
    /// Of the line.
    amount: Money,
}

impl From<DomainLine> for InvoiceLine {
    fn from(line: DomainLine) -> Self {
        Self {
            kind: line.kind.into(),
            description: line.description,
            amount: line.amount.into(),
        }
    }
}

/// A bill.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Invoice {
    #[graphql(skip)]
    of: InvoiceId,
    #[graphql(skip)]
    asked: CustomerId,
    #[graphql(skip)]
    billed: Billed,
    /// Opaque.
    pub(crate) id: ID,
    /// As printed.
    number: String,
    /// Where the bill stands.
    status: InvoiceStatus,
    /// First day of the billed period.
    period_from_on: Date,
    /// Last day of the billed period.
    period_until_on: Date,
    /// The lines.
    lines: Vec<InvoiceLine>,
    /// Sum of the lines.
    total: Money,
    /// What is still asked for.
    outstanding: Money,
    /// What being late with it costs: a line of the next bill, or of one that was issued since. Null while nothing is
    /// asked for it, and when it was waived.
    late_fee: Option<Money>,
    /// Last day on which it can be paid in time.
    due_on: Date,
    /// When it was issued.
    issued_at: DateTime,
    /// When it fell overdue.
    overdue_at: Option<DateTime>,
    /// When nothing was asked for any more.
    paid_at: Option<DateTime>,
    /// When it was withdrawn.
    voided_at: Option<DateTime>,
    /// Why it was withdrawn.
    void_reason: Option<String>,
}

impl From<InvoiceRow> for Invoice {
    fn from(row: InvoiceRow) -> Self {
        let last = row.period.until();
        Self {
            of: row.invoice,
            id: row.invoice.to_string().into(),
            number: row.number.into(),
            status: row.status.into(),
            period_from_on: Date(row.period.from()),
            period_until_on: Date(last.pred_opt().unwrap_or(last)),
            lines: row.lines.into_iter().map(InvoiceLine::from).collect(),
            total: row.total.into(),
            outstanding: row.outstanding.into(),
            late_fee: row.late_fee.map(Money::from),
            due_on: Date(row.due_on),
            issued_at: DateTime(row.issued_at),
            overdue_at: row.overdue_at.map(DateTime),
            paid_at: row.paid_at.map(DateTime),
            voided_at: row.voided_at.map(DateTime),
            void_reason: row.void_reason,
            asked: row.customer,
            billed: row.billed,
        }
    }
}

words!(InvoiceStatus, InvoiceLineKind);
plain! {
    InvoiceLine {
        "kind" => kind,
        "description" => description,
        "amount" => amount,
    }
    Invoice {
        "id" => id,
        "number" => number,
        "status" => status,
        "periodFromOn" => period_from_on,
        "periodUntilOn" => period_until_on,
        "lines" => lines,
        "total" => total,
        "outstanding" => outstanding,
        "lateFee" => late_fee,
        "dueOn" => due_on,
        "issuedAt" => issued_at,
        "overdueAt" => overdue_at,
        "paidAt" => paid_at,
        "voidedAt" => voided_at,
        "voidReason" => void_reason,
    }
}

#[ComplexObject]
impl Invoice {
    /// Who is asked.
    /// Permission: customer.read
    async fn customer(&self, context: &Context<'_>) -> Result<Option<Customer>> {
        Ok(Customer::load(scope(context)?, self.asked).await?)
    }

    /// The line that is billed; null for the bill of an operator's account.
    /// Permission: subscription.read
    async fn subscription(&self, context: &Context<'_>) -> Result<Option<Subscription>> {
        match self.billed.subscription() {
            Some(line) => Ok(Subscription::load(scope(context)?, line).await?),
            None => Ok(None),
        }
    }

    /// Whether the viewer could withdraw it now.
    async fn viewer_can_void(&self, context: &Context<'_>) -> Result<bool> {
        let command = VoidInvoice {
            invoice: self.of,
            reason: SOME_REASON.to_owned(),
        };
        Ok(scope(context)?.could(command).await?)
    }

    /// Whether the viewer could give up its late fee now.
    async fn viewer_can_late_fee_waive(&self, context: &Context<'_>) -> Result<bool> {
        let command = WaiveLateFee {
            invoice: self.of,
            reason: SOME_REASON.to_owned(),
        };
        Ok(scope(context)?.could(command).await?)
    }
}

impl Invoice {
    pub(in crate::graphql) async fn load(
        scope: &Arc<Scope>,
        invoice: InvoiceId,
    ) -> Result<Option<Self>, ApiError> {
        Ok(Self::load_all(scope, &[invoice]).await?.pop())
    }

    pub(in crate::graphql) async fn load_all(
        scope: &Arc<Scope>,
        invoices: &[InvoiceId],
    ) -> Result<Vec<Self>, ApiError> {
        scope.require(permission::BILLING_READ).await?;
        let rows = batch::many::<InvoiceRow>(scope, invoices).await?;
        Ok(rows.into_iter().map(Self::from).collect())
    }
}
