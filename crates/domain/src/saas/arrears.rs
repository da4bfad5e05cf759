//! What an unpaid bill means for the operator's panel.
//!
//! A bill that is unpaid after its grace is noted on the tab; once it is settled, it is cleared from it. The panel is
//! locked while the tab has any, and opened when the last one is gone. The tab decides; this only carries the word. What
//! a super admin locked for another reason is the account's own affair.

use super::TabEvent;
use crate::{
    InvoiceId, TenantId,
    billing::{InvoiceEvent, invoice::Billed},
    policy::Intent,
};

/// Name in command ids.
pub const POLICY: &str = "saas.arrears";

pub fn on_invoice(event: &InvoiceEvent) -> Vec<Intent> {
    match event {
        InvoiceEvent::Paid(paid) => settled(paid.billed, paid.invoice),
        InvoiceEvent::Voided(voided) => settled(voided.billed, voided.invoice),
        InvoiceEvent::Issued(_)
        | InvoiceEvent::Reminded(_)
        | InvoiceEvent::FellOverdue(_)
        | InvoiceEvent::PaymentApplied(_)
        | InvoiceEvent::CreditApplied(_)
        | InvoiceEvent::PaymentTakenBack(_)
        | InvoiceEvent::CreditTakenBack(_)
        | InvoiceEvent::LateFeeCharged(_)
        | InvoiceEvent::LateFeeBilled(_)
        | InvoiceEvent::LateFeeReturned(_)
        | InvoiceEvent::LateFeeWaived(_)
        | InvoiceEvent::Reopened(_) => Vec::new(),
    }
}

fn settled(billed: Billed, invoice: InvoiceId) -> Vec<Intent> {
    billed
        .account()
        .map(|account| Intent::ClearArrears { account, invoice })
        .into_iter()
        .collect()
}

pub fn on_tab(event: &TabEvent) -> Vec<Intent> {
    match event {
        TabEvent::FellIntoArrears(fell) if fell.is_first => vec![Intent::LockAccount {
            account: fell.account,
            invoice: fell.invoice,
        }],
        TabEvent::ClearedOfArrears(cleared) if cleared.was_last => vec![unlock(cleared.account)],
        TabEvent::FellIntoArrears(_)
        | TabEvent::ClearedOfArrears(_)
        | TabEvent::Opened(_)
        | TabEvent::ChargeStarted(_)
        | TabEvent::ChargeEnded(_)
        | TabEvent::PeriodBilled(_)
        | TabEvent::Suspended(_)
        | TabEvent::Resumed(_)
        | TabEvent::Closed(_) => Vec::new(),
    }
}

const fn unlock(account: TenantId) -> Intent {
    Intent::UnlockAccount { account }
}
