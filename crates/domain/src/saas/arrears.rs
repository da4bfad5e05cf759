//! What an unpaid bill means for the operator.
//!
//! A bill that is unpaid after its grace is noted on the tab; once it is settled, it is cleared from it. The tab decides;
//! this only carries the word.

use crate::{
    InvoiceId,
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
        | InvoiceEvent::CreditApplied(_) => Vec::new(),
    }
}

fn settled(billed: Billed, invoice: InvoiceId) -> Vec<Intent> {
    billed
        .account()
        .map(|account| Intent::ClearArrears { account, invoice })
        .into_iter()
        .collect()
}
