//! What each event does to the rows of [`super::money`].
//!
//! Money is first undistributed; the events that follow its arrival move it to where it belongs, so that every
//! event leaves `allocated + credited + unmatched + refunded + undistributed = amount`.

use std::collections::BTreeMap;

use simpul_domain::{
    CustomerId, InvoiceId, MoneyError, PaymentId, Rupiah,
    billing::{
        CreditAccountEvent, PaymentEvent,
        credit_account::CreditUse,
        payment::{PaymentReceived, RefundedFrom},
    },
};

use super::money::{CreditRow, PaymentRow};

/// Rows touched by a batch.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) payments: BTreeMap<PaymentId, PaymentRow>,
    pub(super) allocations: BTreeMap<(PaymentId, InvoiceId), Rupiah>,
    pub(super) credits: BTreeMap<CustomerId, CreditRow>,
}

pub(super) fn payment_of(event: &PaymentEvent) -> PaymentId {
    match event {
        PaymentEvent::Received(event) => event.payment,
        PaymentEvent::Allocated(event) => event.payment,
        PaymentEvent::Credited(event) => event.payment,
        PaymentEvent::LeftUnmatched(event) => event.payment,
        PaymentEvent::Matched(event) => event.payment,
        PaymentEvent::Refunded(event) => event.payment,
        PaymentEvent::TakenBack(event) => event.payment,
    }
}

pub(super) fn customer_of(event: &CreditAccountEvent) -> CustomerId {
    match event {
        CreditAccountEvent::CreditAdded(event) => event.customer,
        CreditAccountEvent::CreditUsed(event) => event.customer,
        CreditAccountEvent::CreditReturned(event) => event.customer,
        CreditAccountEvent::CreditTakenBack(event) => event.customer,
    }
}

pub(super) fn apply_payment(rows: &mut Rows, event: &PaymentEvent) -> Result<(), MoneyError> {
    if let PaymentEvent::Received(received) = event {
        rows.payments.insert(received.payment, received_row(received));
        return Ok(());
    }
    let Some(row) = rows.payments.get_mut(&payment_of(event)) else {
        return Ok(());
    };
    match event {
        PaymentEvent::Received(_) => {}
        PaymentEvent::Allocated(part) => {
            transfer(&mut row.undistributed, &mut row.allocated, part.amount)?;
            let allocation = rows
                .allocations
                .entry((part.payment, part.invoice))
                .or_insert(Rupiah::ZERO);
            *allocation = allocation.add(part.amount)?;
        }
        PaymentEvent::Credited(part) => transfer(&mut row.undistributed, &mut row.credited, part.amount)?,
        PaymentEvent::LeftUnmatched(part) => {
            transfer(&mut row.undistributed, &mut row.unmatched, part.amount)?;
        }
        PaymentEvent::Matched(matched) => {
            row.customer = Some(matched.customer);
            transfer(&mut row.unmatched, &mut row.undistributed, matched.amount)?;
        }
        PaymentEvent::Refunded(refund) => {
            let from = match refund.from {
                RefundedFrom::Unmatched => &mut row.unmatched,
                RefundedFrom::Credit => &mut row.credited,
            };
            transfer(from, &mut row.refunded, refund.amount)?;
        }
        PaymentEvent::TakenBack(taken) => {
            transfer(&mut row.unmatched, &mut row.refunded, taken.unmatched)?;
            transfer(&mut row.credited, &mut row.refunded, taken.credit)?;
            for part in &taken.allocations {
                transfer(&mut row.allocated, &mut row.refunded, part.amount)?;
                let allocation = rows
                    .allocations
                    .entry((taken.payment, part.invoice))
                    .or_insert(Rupiah::ZERO);
                *allocation = allocation.sub(part.amount)?;
            }
        }
    }
    Ok(())
}

fn transfer(from: &mut Rupiah, to: &mut Rupiah, amount: Rupiah) -> Result<(), MoneyError> {
    *from = from.sub(amount)?;
    *to = to.add(amount)?;
    Ok(())
}

fn received_row(received: &PaymentReceived) -> PaymentRow {
    PaymentRow {
        payment: received.payment,
        customer: received.customer,
        source: received.source.clone(),
        provider_ref: received.provider_ref.clone(),
        flags: received.flags.clone(),
        gross: received.gross,
        payer_fee: received.payer_fee,
        amount: received.amount,
        allocated: Rupiah::ZERO,
        credited: Rupiah::ZERO,
        unmatched: Rupiah::ZERO,
        refunded: Rupiah::ZERO,
        undistributed: received.amount,
        paid_at: received.paid_at,
        received_at: received.at,
    }
}

pub(super) fn apply_credit(rows: &mut Rows, event: &CreditAccountEvent) -> Result<(), MoneyError> {
    let row = rows.credits.entry(customer_of(event)).or_insert(CreditRow {
        customer: customer_of(event),
        balance: Rupiah::ZERO,
        used_on_invoices: Rupiah::ZERO,
    });
    match event {
        CreditAccountEvent::CreditAdded(added) => row.balance = added.balance,
        CreditAccountEvent::CreditUsed(used) => {
            row.balance = used.balance;
            if let CreditUse::Invoice { .. } = used.for_what {
                row.used_on_invoices = row.used_on_invoices.add(used.amount)?;
            }
        }
        CreditAccountEvent::CreditReturned(returned) => {
            row.balance = returned.balance;
            row.used_on_invoices = row.used_on_invoices.sub(returned.amount)?;
        }
        CreditAccountEvent::CreditTakenBack(taken) => row.balance = taken.balance,
    }
    Ok(())
}
