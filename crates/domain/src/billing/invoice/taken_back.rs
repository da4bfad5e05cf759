//! Money that leaves a bill again.

use chrono::{DateTime, Utc};

use super::{
    InvoiceCreditTakenBack, InvoiceError, InvoiceEvent, InvoicePaymentTakenBack, InvoiceReopened,
    InvoiceStatus,
    aggregate::{Bill, Invoice},
};
use crate::{PaymentId, Rupiah};

impl Invoice {
    pub(super) fn take_back_payment(
        &self,
        bill: &Bill,
        payment: PaymentId,
        amount: Rupiah,
        at: DateTime<Utc>,
    ) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        let applied = self.applied.get(&payment).copied().unwrap_or_default();
        let taken = self.taken.get(&payment).copied().unwrap_or_default();
        let outstanding = self.more(amount, applied.sub(taken)?)?;
        let taken = InvoiceEvent::PaymentTakenBack(InvoicePaymentTakenBack {
            invoice: bill.invoice,
            customer: bill.customer,
            billed: bill.billed,
            payment,
            amount,
            outstanding,
            at,
        });
        Ok(self.with_reopening(bill, taken, outstanding, at))
    }

    pub(super) fn take_back_credit(
        &self,
        bill: &Bill,
        amount: Rupiah,
        at: DateTime<Utc>,
    ) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        let outstanding = self.more(amount, self.credit.sub(self.credit_taken)?)?;
        let taken = InvoiceEvent::CreditTakenBack(InvoiceCreditTakenBack {
            invoice: bill.invoice,
            customer: bill.customer,
            billed: bill.billed,
            amount,
            outstanding,
            at,
        });
        Ok(self.with_reopening(bill, taken, outstanding, at))
    }

    /// What remains to be paid when `amount` of what is `there` leaves.
    fn more(&self, amount: Rupiah, there: Rupiah) -> Result<Rupiah, InvoiceError> {
        if !amount.is_positive() {
            return Err(InvoiceError::AmountNotPositive);
        }
        if amount > there {
            return Err(InvoiceError::ExceedsApplied { applied: there });
        }
        Ok(self.outstanding.add(amount)?)
    }

    fn with_reopening(
        &self,
        bill: &Bill,
        taken: InvoiceEvent,
        outstanding: Rupiah,
        at: DateTime<Utc>,
    ) -> Vec<InvoiceEvent> {
        let reopened =
            (self.status == InvoiceStatus::Paid).then_some(InvoiceEvent::Reopened(InvoiceReopened {
                invoice: bill.invoice,
                customer: bill.customer,
                billed: bill.billed,
                due_on: bill.due_on,
                zone: bill.zone,
                outstanding,
                at,
            }));
        std::iter::once(taken).chain(reopened).collect()
    }

    /// INVARIANT: what was decided fits the range.
    pub(super) fn owe_again(&mut self, outstanding: Rupiah) {
        self.outstanding = outstanding;
        let untouched = self.bill.as_ref().is_some_and(|bill| bill.total == outstanding);
        if self.status == InvoiceStatus::PartiallyPaid && untouched {
            self.status = InvoiceStatus::Issued;
        }
    }

    pub(super) fn reopen(&mut self) {
        self.reopened = true;
        self.status = InvoiceStatus::PartiallyPaid;
        self.owe_again(self.outstanding);
    }
}
