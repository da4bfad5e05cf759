//! Money that had been confirmed and is gone again: a gateway's refund, a bank's charge-back, a reversal.
//!
//! INVARIANT: one unit of work takes it from the payment, the credit and the bills, so that allocations + credit + refunds +
//! unmatched = received at every position of the log (Property 65). Credit that is already spent comes back from the
//! bills that it paid; a bill that asks for money again is open again.

use simpul_domain::{
    CustomerId, InvoiceId, PaymentId, Rupiah,
    billing::{
        CreditAccount, CreditAccountCommand, CreditAccountEvent, Invoice, InvoiceCommand, Payment,
        PaymentCommand, PaymentEvent,
        payment::{PaymentTakenBack, TakenBackReason},
    },
};
use simpul_event_store::Work;

use super::open_set;
use crate::{Outcome, decide};

/// Takes back what is left of a payment, or until `up_to` is taken back. Returns how much that is now.
pub(super) async fn take_back(
    work: &mut Work<'_>,
    payment: PaymentId,
    reason: TakenBackReason,
    up_to: Option<Rupiah>,
) -> Outcome<Rupiah> {
    let at = work.at();
    let command = PaymentCommand::TakeBack { reason, up_to, at };
    let events = decide::<Payment>(work, &payment.to_string(), command).await?;
    let taken = events.into_iter().find_map(|event| match event {
        PaymentEvent::TakenBack(taken) => Some(taken),
        _ => None,
    });
    let Some(taken) = taken else {
        return Ok(Rupiah::ZERO);
    };
    if let Some(customer) = taken.customer {
        take_from(work, customer, &taken).await?;
    }
    Ok(taken.amount)
}

async fn take_from(work: &mut Work<'_>, customer: CustomerId, taken: &PaymentTakenBack) -> Outcome<()> {
    let (payment, at) = (taken.payment, taken.at);
    for part in &taken.allocations {
        let amount = part.amount;
        let command = InvoiceCommand::TakeBackPayment { payment, amount, at };
        owe_again(work, part.invoice, command).await?;
    }
    if !taken.credit.is_positive() {
        return Ok(());
    }
    let command = CreditAccountCommand::TakeBackCredit {
        customer,
        payment,
        amount: taken.credit,
        at,
    };
    for event in decide::<CreditAccount>(work, &customer.to_string(), command).await? {
        if let CreditAccountEvent::CreditReturned(returned) = event {
            let amount = returned.amount;
            let command = InvoiceCommand::TakeBackCredit { amount, at };
            owe_again(work, returned.invoice, command).await?;
        }
    }
    Ok(())
}

async fn owe_again(work: &mut Work<'_>, invoice: InvoiceId, command: InvoiceCommand) -> Outcome<()> {
    let id = invoice.to_string();
    decide::<Invoice>(work, &id, command).await?;
    open_set::keep(work, invoice).await
}
