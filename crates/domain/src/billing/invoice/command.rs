//! What can be asked of an invoice.

use chrono::{DateTime, NaiveDate, Utc};

use super::{Billed, InvoiceLine, InvoiceSnapshot};
use crate::{
    CustomerId, InvoiceId, PaymentId, Rupiah,
    billing::{InvoiceNumber, Period, gateway::Currency},
    time::Zone,
};

/// Commands of `billing.invoice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvoiceCommand {
    Issue(Box<IssueInvoice>),
    /// Reminds the payer while something is outstanding; the same stage again is nothing.
    Remind {
        /// Days after the due date; negative before it.
        stage: i8,
        at: DateTime<Utc>,
    },
    /// Overdue only if the tenant's local date `today` is after the due date and something is outstanding.
    MarkOverdue {
        today: NaiveDate,
        at: DateTime<Utc>,
    },
    /// The money planner never applies more than is outstanding.
    ApplyPayment {
        payment: PaymentId,
        amount: Rupiah,
        at: DateTime<Utc>,
    },
    /// The customer's credit pays a part; the credit account is debited in the same unit of work. Once per invoice:
    /// credit is used when the bill is issued.
    ApplyCredit {
        amount: Rupiah,
        at: DateTime<Utc>,
    },
    /// Money that was applied is gone again. A paid bill asks for money again.
    TakeBackPayment {
        payment: PaymentId,
        amount: Rupiah,
        at: DateTime<Utc>,
    },
    /// The same for credit.
    TakeBackCredit {
        amount: Rupiah,
        at: DateTime<Utc>,
    },
    /// The grace is over and the bill unpaid: so much is asked for that, once, on another bill. Never on a paid one.
    ChargeLateFee {
        amount: Rupiah,
        at: DateTime<Utc>,
    },
    /// The late fee stands on this bill.
    BillLateFee {
        on: InvoiceId,
        at: DateTime<Utc>,
    },
    /// The bill on which the late fee stood is withdrawn: it waits for the next one.
    ReturnLateFee {
        from: InvoiceId,
        at: DateTime<Utc>,
    },
    /// A late fee that no bill asks for yet is given up.
    WaiveLateFee {
        reason: String,
        at: DateTime<Utc>,
    },
    Void {
        reason: String,
        at: DateTime<Utc>,
    },
}

/// A new bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueInvoice {
    /// See [`crate::billing::calendar::invoice_id`] and [`crate::saas::bill_id`].
    pub invoice: InvoiceId,
    pub number: InvoiceNumber,
    pub customer: CustomerId,
    pub billed: Billed,
    pub period: Period,
    pub lines: Vec<InvoiceLine>,
    pub due_on: NaiveDate,
    pub currency: Currency,
    pub zone: Zone,
    pub snapshot: InvoiceSnapshot,
    pub at: DateTime<Utc>,
}
