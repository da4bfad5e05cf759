//! State and decisions of an invoice.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Billed, InvoiceCommand, InvoiceCreditApplied, InvoiceError, InvoiceEvent, InvoiceFellOverdue,
    InvoiceIssued, InvoiceLine, InvoicePaid, InvoicePaymentApplied, InvoiceReminded, InvoiceVoided,
    IssueInvoice, LateFee,
};
use crate::{
    CustomerId, Decider, InvoiceId, PaymentId, Rupiah, aggregate, billing::InvoiceNumber, time::Zone,
};

/// More lines than any bill has.
const MAX_LINES: usize = 100;

/// Where an invoice stands.
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
pub enum InvoiceStatus {
    #[default]
    Absent,
    Issued,
    PartiallyPaid,
    /// Past its due date, unpaid or partially paid.
    Overdue,
    Paid,
    Void,
}

/// One bill.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Invoice {
    pub(super) status: InvoiceStatus,
    pub(super) bill: Option<Bill>,
    pub(super) outstanding: Rupiah,
    pub(super) applied: BTreeMap<PaymentId, Rupiah>,
    /// What of it is gone again.
    pub(super) taken: BTreeMap<PaymentId, Rupiah>,
    pub(super) credit: Rupiah,
    pub(super) credit_taken: Rupiah,
    pub(super) reopened: bool,
    reminded: BTreeSet<i8>,
    pub(super) late_fee: LateFee,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bill {
    pub(super) invoice: InvoiceId,
    number: InvoiceNumber,
    pub(super) customer: CustomerId,
    pub(super) billed: Billed,
    pub(super) total: Rupiah,
    pub(super) due_on: NaiveDate,
    pub(super) zone: Zone,
}

aggregate!(Invoice);

impl Invoice {
    pub const fn status(&self) -> InvoiceStatus {
        self.status
    }

    /// What remains to be paid; zero when paid or void.
    pub const fn outstanding(&self) -> Rupiah {
        self.outstanding
    }

    /// Whether it asks for money.
    pub const fn is_open(&self) -> bool {
        match self.status {
            InvoiceStatus::Issued | InvoiceStatus::PartiallyPaid | InvoiceStatus::Overdue => true,
            InvoiceStatus::Absent | InvoiceStatus::Paid | InvoiceStatus::Void => false,
        }
    }

    /// Whether it was paid once and money was taken back since.
    pub const fn was_reopened(&self) -> bool {
        self.reopened
    }

    pub fn due_on(&self) -> Option<NaiveDate> {
        self.bill.as_ref().map(|bill| bill.due_on)
    }

    pub fn number(&self) -> Option<&InvoiceNumber> {
        self.bill.as_ref().map(|bill| &bill.number)
    }

    /// In which a date of the bill becomes an instant.
    pub fn zone(&self) -> Option<Zone> {
        self.bill.as_ref().map(|bill| bill.zone)
    }

    /// What it is for.
    pub fn billed(&self) -> Option<Billed> {
        self.bill.as_ref().map(|bill| bill.billed)
    }

    pub fn customer(&self) -> Option<CustomerId> {
        self.bill.as_ref().map(|bill| bill.customer)
    }

    fn issue(&self, issue: IssueInvoice) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        let total = total(&issue.lines)?;
        if let Some(bill) = &self.bill {
            let same = bill.billed == issue.billed && bill.total == total && bill.due_on == issue.due_on;
            return if same {
                Ok(Vec::new())
            } else {
                Err(InvoiceError::AlreadyIssued)
            };
        }
        let IssueInvoice {
            invoice,
            number,
            customer,
            billed,
            period,
            lines,
            due_on,
            currency,
            zone,
            snapshot,
            at,
        } = issue;
        let paid = total.is_zero().then(|| {
            let number = number.clone();
            let was_overdue = false;
            InvoiceEvent::Paid(InvoicePaid {
                invoice,
                number,
                customer,
                billed,
                total,
                payment: None,
                was_overdue,
                at,
            })
        });
        let issued = InvoiceEvent::Issued(Box::new(InvoiceIssued {
            invoice,
            number,
            customer,
            billed,
            period,
            lines,
            total,
            currency,
            due_on,
            zone,
            snapshot,
            at,
        }));
        Ok(std::iter::once(issued).chain(paid).collect())
    }

    fn remind(&self, bill: &Bill, stage: i8, at: DateTime<Utc>) -> Vec<InvoiceEvent> {
        if !self.is_open() || self.reminded.contains(&stage) {
            return Vec::new();
        }
        vec![InvoiceEvent::Reminded(InvoiceReminded {
            invoice: bill.invoice,
            customer: bill.customer,
            billed: bill.billed,
            stage,
            due_on: bill.due_on,
            outstanding: self.outstanding,
            at,
        })]
    }

    fn mark_overdue(&self, bill: &Bill, today: NaiveDate, at: DateTime<Utc>) -> Vec<InvoiceEvent> {
        match self.status {
            InvoiceStatus::Issued | InvoiceStatus::PartiallyPaid if today > bill.due_on => {
                vec![InvoiceEvent::FellOverdue(InvoiceFellOverdue {
                    invoice: bill.invoice,
                    customer: bill.customer,
                    billed: bill.billed,
                    due_on: bill.due_on,
                    zone: bill.zone,
                    today,
                    outstanding: self.outstanding,
                    at,
                })]
            }
            InvoiceStatus::Absent
            | InvoiceStatus::Issued
            | InvoiceStatus::PartiallyPaid
            | InvoiceStatus::Overdue
            | InvoiceStatus::Paid
            | InvoiceStatus::Void => Vec::new(),
        }
    }

    fn apply_payment(
        &self,
        bill: &Bill,
        payment: PaymentId,
        amount: Rupiah,
        at: DateTime<Utc>,
    ) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        let Some(outstanding) = self.less(amount, self.applied.get(&payment).copied())? else {
            return Ok(Vec::new());
        };
        let applied = InvoicePaymentApplied {
            invoice: bill.invoice,
            customer: bill.customer,
            billed: bill.billed,
            payment,
            amount,
            outstanding,
            at,
        };
        let paid = outstanding.is_zero().then(|| self.paid(bill, Some(payment), at));
        Ok(std::iter::once(InvoiceEvent::PaymentApplied(applied))
            .chain(paid)
            .collect())
    }

    fn apply_credit(
        &self,
        bill: &Bill,
        amount: Rupiah,
        at: DateTime<Utc>,
    ) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        let earlier = self.credit.is_positive().then_some(self.credit);
        let Some(outstanding) = self.less(amount, earlier)? else {
            return Ok(Vec::new());
        };
        let applied = InvoiceCreditApplied {
            invoice: bill.invoice,
            customer: bill.customer,
            billed: bill.billed,
            amount,
            outstanding,
            at,
        };
        let paid = outstanding.is_zero().then(|| self.paid(bill, None, at));
        Ok(std::iter::once(InvoiceEvent::CreditApplied(applied))
            .chain(paid)
            .collect())
    }

    /// What remains after `amount`; nothing when it was applied `earlier` already.
    fn less(&self, amount: Rupiah, earlier: Option<Rupiah>) -> Result<Option<Rupiah>, InvoiceError> {
        if !amount.is_positive() {
            return Err(InvoiceError::AmountNotPositive);
        }
        if let Some(applied) = earlier {
            return if applied == amount {
                Ok(None)
            } else {
                Err(InvoiceError::AppliedOtherwise { applied })
            };
        }
        match self.status {
            InvoiceStatus::Absent => return Err(InvoiceError::NotFound),
            InvoiceStatus::Paid => return Err(InvoiceError::AlreadyPaid),
            InvoiceStatus::Void => return Err(InvoiceError::Void),
            InvoiceStatus::Issued | InvoiceStatus::PartiallyPaid | InvoiceStatus::Overdue => {}
        }
        if amount > self.outstanding {
            return Err(InvoiceError::ExceedsOutstanding {
                amount,
                outstanding: self.outstanding,
            });
        }
        Ok(Some(self.outstanding.sub(amount)?))
    }

    fn paid(&self, bill: &Bill, payment: Option<PaymentId>, at: DateTime<Utc>) -> InvoiceEvent {
        InvoiceEvent::Paid(InvoicePaid {
            invoice: bill.invoice,
            number: bill.number.clone(),
            customer: bill.customer,
            billed: bill.billed,
            total: bill.total,
            payment,
            was_overdue: self.status == InvoiceStatus::Overdue,
            at,
        })
    }

    fn part_paid(&mut self) {
        if self.status == InvoiceStatus::Issued {
            self.status = InvoiceStatus::PartiallyPaid;
        }
    }

    fn void(
        &self,
        bill: &Bill,
        reason: String,
        at: DateTime<Utc>,
    ) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        match self.status {
            InvoiceStatus::Absent => Err(InvoiceError::NotFound),
            InvoiceStatus::Paid => Err(InvoiceError::AlreadyPaid),
            InvoiceStatus::Void => Ok(Vec::new()),
            InvoiceStatus::Issued | InvoiceStatus::PartiallyPaid | InvoiceStatus::Overdue => {
                if self.outstanding != bill.total {
                    return Err(InvoiceError::HasPayments {
                        paid: bill.total.sub(self.outstanding)?,
                    });
                }
                Ok(vec![InvoiceEvent::Voided(InvoiceVoided {
                    invoice: bill.invoice,
                    customer: bill.customer,
                    billed: bill.billed,
                    reason,
                    at,
                })])
            }
        }
    }
}

fn total(lines: &[InvoiceLine]) -> Result<Rupiah, InvoiceError> {
    if lines.is_empty() || lines.len() > MAX_LINES {
        return Err(InvoiceError::LineCount);
    }
    let wrong =
        |line: &InvoiceLine| line.amount.is_zero() || line.kind.reduces() == line.amount.is_positive();
    if let Some(line) = lines.iter().position(wrong) {
        return Err(InvoiceError::LineSign { line });
    }
    let total = Rupiah::sum(lines.iter().map(|line| line.amount))?;
    if total < Rupiah::ZERO {
        Err(InvoiceError::TotalNegative)
    } else {
        Ok(total)
    }
}

impl Decider for Invoice {
    const TYPE: &'static str = "billing.invoice";
    const STATE_VERSION: i32 = 4;
    type Command = InvoiceCommand;
    type Event = InvoiceEvent;
    type Error = InvoiceError;

    fn decide(&self, command: InvoiceCommand) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        let bill = self.bill.as_ref().ok_or(InvoiceError::NotFound);
        match command {
            InvoiceCommand::Issue(issue) => self.issue(*issue),
            InvoiceCommand::Remind { stage, at } => Ok(self.remind(bill?, stage, at)),
            InvoiceCommand::MarkOverdue { today, at } => Ok(self.mark_overdue(bill?, today, at)),
            InvoiceCommand::ApplyPayment { payment, amount, at } => {
                self.apply_payment(bill?, payment, amount, at)
            }
            InvoiceCommand::ApplyCredit { amount, at } => self.apply_credit(bill?, amount, at),
            InvoiceCommand::TakeBackPayment { payment, amount, at } => {
                self.take_back_payment(bill?, payment, amount, at)
            }
            InvoiceCommand::TakeBackCredit { amount, at } => self.take_back_credit(bill?, amount, at),
            InvoiceCommand::ChargeLateFee { amount, at } => self.charge_late_fee(bill?, amount, at),
            InvoiceCommand::BillLateFee { on, at } => self.bill_late_fee(bill?, on, at),
            InvoiceCommand::ReturnLateFee { from, at } => Ok(self.return_late_fee(bill?, from, at)),
            InvoiceCommand::WaiveLateFee { reason, at } => self.waive_late_fee(bill?, reason, at),
            InvoiceCommand::Void { reason, at } => self.void(bill?, reason, at),
        }
    }

    fn evolve(&mut self, event: &InvoiceEvent) {
        match event {
            InvoiceEvent::Issued(issued) => {
                self.status = InvoiceStatus::Issued;
                self.outstanding = issued.total;
                self.bill = Some(Bill {
                    invoice: issued.invoice,
                    number: issued.number.clone(),
                    customer: issued.customer,
                    billed: issued.billed,
                    total: issued.total,
                    due_on: issued.due_on,
                    zone: issued.zone,
                });
            }
            InvoiceEvent::Reminded(reminded) => {
                self.reminded.insert(reminded.stage);
            }
            InvoiceEvent::FellOverdue(_) => self.status = InvoiceStatus::Overdue,
            InvoiceEvent::PaymentApplied(applied) => {
                self.outstanding = applied.outstanding;
                self.applied.insert(applied.payment, applied.amount);
                self.part_paid();
            }
            InvoiceEvent::CreditApplied(applied) => {
                self.outstanding = applied.outstanding;
                self.credit = applied.amount;
                self.part_paid();
            }
            InvoiceEvent::Paid(_) => self.status = InvoiceStatus::Paid,
            InvoiceEvent::Voided(_) => {
                self.status = InvoiceStatus::Void;
                self.outstanding = Rupiah::ZERO;
            }
            InvoiceEvent::PaymentTakenBack(taken) => {
                let sum = self.taken.entry(taken.payment).or_default();
                *sum = sum.add(taken.amount).unwrap_or(Rupiah::MAX);
                self.owe_again(taken.outstanding);
            }
            InvoiceEvent::CreditTakenBack(taken) => {
                self.credit_taken = self.credit_taken.add(taken.amount).unwrap_or(Rupiah::MAX);
                self.owe_again(taken.outstanding);
            }
            InvoiceEvent::Reopened(_) => self.reopen(),
            InvoiceEvent::LateFeeCharged(charged) => self.late_fee = LateFee::Waiting(charged.amount),
            InvoiceEvent::LateFeeBilled(billed) => {
                self.late_fee = LateFee::Billed {
                    amount: billed.amount,
                    on: billed.on,
                };
            }
            InvoiceEvent::LateFeeReturned(returned) => self.late_fee = LateFee::Waiting(returned.amount),
            InvoiceEvent::LateFeeWaived(_) => self.late_fee = LateFee::Waived,
        }
    }
}
