//! Money that a person saw arrive: a transfer with its reference, put where a gateway's money would be put.

use chrono::{DateTime, Utc};
use simpul_domain::{
    InvoiceId, PaymentId, Rupiah, UserId,
    billing::{
        Invoice, InvoiceError, Payment, allocation,
        payment::{
            PaymentError, PaymentFlag, PaymentSource, PaymentStatus, ReceivePayment, transfer_payment_id,
        },
    },
};
use simpul_event_store::Work;

use super::money::{distribute, open_invoices};
use crate::{Outcome, Refusal, refuse, refused};

/// Longest reference of a transfer, in characters.
const MAX_REFERENCE_CHARS: usize = 100;

/// A transfer, as the person who approves it says.
#[derive(Debug)]
pub(crate) struct Transfer<'a> {
    pub(crate) invoice: InvoiceId,
    pub(crate) amount: Rupiah,
    /// What proves it, such as the bank's reference. One reference is one transfer.
    pub(crate) reference: &'a str,
    pub(crate) paid_at: DateTime<Utc>,
    pub(crate) approved_by: UserId,
}

/// Books a transfer: the invoice first, then the payer's others by due date, the rest is credit. The same transfer again is
/// nothing; the same reference with another amount is refused.
pub(crate) async fn receive_transfer(work: &mut Work<'_>, transfer: Transfer<'_>) -> Outcome<PaymentId> {
    let reference = transfer.reference.trim();
    if reference.is_empty() || reference.chars().count() > MAX_REFERENCE_CHARS {
        return refuse(Refusal::Invalid {
            field: "reference",
            rule: "length",
        });
    }
    let payment = transfer_payment_id(work.tenant(), reference);
    if let PaymentStatus::Received { amount, .. } = work.load::<Payment>(&payment.to_string()).await?.status()
    {
        return if *amount == transfer.amount {
            Ok(payment)
        } else {
            refuse(Refusal::Payment(PaymentError::AlreadyReceived))
        };
    }
    let invoice = work.load::<Invoice>(&transfer.invoice.to_string()).await?;
    let Some(customer) = invoice.customer() else {
        return refuse(Refusal::Missing { what: "invoice" });
    };
    if !invoice.is_open() {
        return refuse(Refusal::Invoice(InvoiceError::AlreadyPaid));
    }
    let open = open_invoices(work, customer).await?;
    let plan =
        allocation::plan(transfer.amount, Some(customer), Some(transfer.invoice), &open).map_err(refused)?;
    let overpaid = plan.credit.is_positive().then_some(PaymentFlag::Overpaid);
    let receive = ReceivePayment {
        payment,
        source: PaymentSource::Transfer {
            approved_by: transfer.approved_by,
        },
        customer: Some(customer),
        gross: transfer.amount,
        payer_fee: Rupiah::ZERO,
        amount: transfer.amount,
        provider_ref: reference.to_owned(),
        paid_at: transfer.paid_at,
        allocations: plan.allocations,
        credit: plan.credit,
        unmatched: plan.unmatched,
        flags: overpaid.into_iter().collect(),
        at: work.at(),
    };
    distribute(work, customer, receive).await?;
    Ok(payment)
}
