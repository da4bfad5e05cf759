//! The fee for being late: asked once after the grace (F167), billed as a line of another bill, because an issued one never
//! changes (U070); given up with a reason as long as no bill asks for it (U071).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    InvoiceError, InvoiceEvent, LateFeeBilled, LateFeeCharged, LateFeeReturned, LateFeeWaived,
    aggregate::{Bill, Invoice},
};
use crate::{InvoiceId, Rupiah};

/// Where the fee for a bill's lateness stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateFee {
    #[default]
    None,
    /// It waits for the line's next bill.
    Waiting(Rupiah),
    Billed {
        amount: Rupiah,
        on: InvoiceId,
    },
    Waived,
}

impl Invoice {
    pub const fn late_fee(&self) -> LateFee {
        self.late_fee
    }

    pub(super) fn charge_late_fee(
        &self,
        bill: &Bill,
        amount: Rupiah,
        at: DateTime<Utc>,
    ) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        if !amount.is_positive() {
            return Err(InvoiceError::AmountNotPositive);
        }
        if self.late_fee != LateFee::None || !self.is_open() {
            return Ok(Vec::new());
        }
        Ok(vec![InvoiceEvent::LateFeeCharged(LateFeeCharged {
            invoice: bill.invoice,
            customer: bill.customer,
            billed: bill.billed,
            amount,
            outstanding: self.outstanding,
            at,
        })])
    }

    pub(super) fn bill_late_fee(
        &self,
        bill: &Bill,
        on: InvoiceId,
        at: DateTime<Utc>,
    ) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        match self.late_fee {
            LateFee::Waiting(amount) => Ok(vec![InvoiceEvent::LateFeeBilled(LateFeeBilled {
                invoice: bill.invoice,
                on,
                amount,
                at,
            })]),
            LateFee::Billed { on: before, .. } if before == on => Ok(Vec::new()),
            LateFee::None | LateFee::Billed { .. } | LateFee::Waived => Err(InvoiceError::NoLateFee),
        }
    }

    pub(super) fn return_late_fee(
        &self,
        bill: &Bill,
        from: InvoiceId,
        at: DateTime<Utc>,
    ) -> Vec<InvoiceEvent> {
        match self.late_fee {
            LateFee::Billed { amount, on } if on == from => {
                vec![InvoiceEvent::LateFeeReturned(LateFeeReturned {
                    invoice: bill.invoice,
                    from,
                    amount,
                    at,
                })]
            }
            LateFee::None | LateFee::Waiting(_) | LateFee::Billed { .. } | LateFee::Waived => Vec::new(),
        }
    }

    pub(super) fn waive_late_fee(
        &self,
        bill: &Bill,
        reason: String,
        at: DateTime<Utc>,
    ) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        match self.late_fee {
            LateFee::Waiting(amount) => Ok(vec![InvoiceEvent::LateFeeWaived(LateFeeWaived {
                invoice: bill.invoice,
                amount,
                reason,
                at,
            })]),
            LateFee::Waived => Ok(Vec::new()),
            LateFee::None | LateFee::Billed { .. } => Err(InvoiceError::NoLateFee),
        }
    }
}
