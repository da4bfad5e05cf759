//! From the confirmed money of an attempt to a payment: the one way, for every order and repetition of notices.

use chrono::{DateTime, Utc};

use super::{
    allocation::{OpenInvoice, plan},
    attempt::AttemptPaid,
    payment::{PaymentFlag, PaymentSource, ReceivePayment, gateway_payment_id},
};
use crate::{MoneyError, TenantId};

/// The payment of an attempt's money, distributed over the customer's open invoices: the attempt's own first,
/// then the oldest due; the rest is credit. In the same unit of work each allocation is applied to its invoice
/// and the credit is added to the account.
pub fn payment_of(
    tenant: TenantId,
    paid: &AttemptPaid,
    open: &[OpenInvoice],
    at: DateTime<Utc>,
) -> Result<ReceivePayment, MoneyError> {
    let plan = plan(paid.amount, Some(paid.customer), Some(paid.invoice), open)?;
    let flags = [
        (paid.disputed.is_some(), PaymentFlag::AmountMismatch),
        (paid.late, PaymentFlag::Late),
        (paid.again, PaymentFlag::PaidAgain),
        (plan.credit.is_positive(), PaymentFlag::Overpaid),
    ];
    Ok(ReceivePayment {
        payment: gateway_payment_id(tenant, paid.gateway, &paid.provider_ref),
        source: PaymentSource::Gateway {
            gateway: paid.gateway,
            attempt: Some(paid.attempt),
        },
        customer: Some(paid.customer),
        gross: paid.gross,
        payer_fee: paid.payer_fee,
        amount: paid.amount,
        provider_ref: paid.provider_ref.clone(),
        paid_at: paid.paid_at,
        allocations: plan.allocations,
        credit: plan.credit,
        unmatched: plan.unmatched,
        flags: flags
            .into_iter()
            .filter_map(|(raised, flag)| raised.then_some(flag))
            .collect(),
        at,
    })
}
