//! Random events of bills, of the money that pays them, and of tries to pay.

use simpul_domain::{
    AttemptId, GatewayId,
    billing::{
        AttemptEvent, CreditAccountEvent, InvoiceEvent, MerchantRef, PaymentEvent,
        attempt::{AttemptCheckoutOpened, AttemptCreated, AttemptExpired, AttemptReversed},
        credit_account::{CreditAdded, CreditReturned, CreditTakenBack, CreditUse, CreditUsed},
        gateway::{Checkout, GatewayKind},
        invoice::{
            Billed, InvoiceCreditApplied, InvoiceFellOverdue, InvoicePaymentApplied, InvoicePaymentTakenBack,
            InvoiceReopened, InvoiceVoided, LateFeeBilled, LateFeeCharged, LateFeeReturned, LateFeeWaived,
        },
        payment::{
            Allocation, PaymentAllocated, PaymentCredited, PaymentLeftUnmatched, PaymentMatched,
            PaymentRefunded, PaymentTakenBack, RefundedFrom, TakenBackReason, UnmatchedReason,
        },
    },
    time::Zone,
};
use uuid::Uuid;

use crate::{
    random_events::{Event, Op},
    story::{Story, at, day, rupiah},
};

/// What happens to a bill.
pub(crate) fn bill_event(story: &Story, (kind, index, n): Op) -> Event {
    let (invoice, customer, at) = (story.invoice(index), story.customer(index), at(n.into()));
    let (payment, amount) = (story.payment(index), rupiah(i64::from(n) * 1_000));
    let bills = |event: InvoiceEvent| (invoice.to_string(), event.into());
    match kind {
        14 => story.issued(index, 150_000),
        15 => bills(InvoiceEvent::FellOverdue(InvoiceFellOverdue {
            invoice,
            customer,
            billed: Billed::Subscription(story.subscription(index)),
            due_on: day(20),
            zone: Zone::Jakarta,
            today: day(21),
            outstanding: amount,
            at,
        })),
        16 if n % 3 == 0 => bills(InvoiceEvent::PaymentTakenBack(InvoicePaymentTakenBack {
            invoice,
            customer,
            billed: Billed::Subscription(story.subscription(index)),
            payment,
            amount,
            outstanding: amount,
            at,
        })),
        16 if n % 3 == 1 => bills(InvoiceEvent::Reopened(InvoiceReopened {
            invoice,
            customer,
            billed: Billed::Subscription(story.subscription(index)),
            due_on: day(20),
            zone: Zone::Jakarta,
            outstanding: amount,
            at,
        })),
        16 => bills(InvoiceEvent::PaymentApplied(InvoicePaymentApplied {
            invoice,
            customer,
            billed: Billed::Subscription(story.subscription(index)),
            payment,
            amount,
            outstanding: amount,
            at,
        })),
        17 if n % 2 == 0 => bills(InvoiceEvent::CreditApplied(InvoiceCreditApplied {
            invoice,
            customer,
            billed: Billed::Subscription(story.subscription(index)),
            amount,
            outstanding: amount,
            at,
        })),
        _ if n % 3 == 0 => bills(late_fee_event(story, index, n)),
        _ => bills(InvoiceEvent::Voided(InvoiceVoided {
            invoice,
            customer,
            billed: Billed::Subscription(story.subscription(index)),
            reason: format!("reason {n}"),
            at,
        })),
    }
}

/// What is asked for being late.
fn late_fee_event(story: &Story, index: u8, n: u8) -> InvoiceEvent {
    let (invoice, at) = (story.invoice(index), at(n.into()));
    let (amount, other) = (rupiah(i64::from(n) * 100), story.invoice(0));
    match n % 4 {
        0 => InvoiceEvent::LateFeeCharged(LateFeeCharged {
            invoice,
            customer: story.customer(index),
            billed: Billed::Subscription(story.subscription(index)),
            amount,
            outstanding: amount,
            at,
        }),
        1 => InvoiceEvent::LateFeeBilled(LateFeeBilled {
            invoice,
            on: other,
            amount,
            at,
        }),
        2 => InvoiceEvent::LateFeeReturned(LateFeeReturned {
            invoice,
            from: other,
            amount,
            at,
        }),
        _ => InvoiceEvent::LateFeeWaived(LateFeeWaived {
            invoice,
            amount,
            reason: format!("reason {n}"),
            at,
        }),
    }
}

/// What becomes of received money.
pub(crate) fn payment_event(story: &Story, (kind, index, n): Op) -> Event {
    let (invoice, customer, at) = (story.invoice(index), story.customer(index), at(n.into()));
    let (payment, amount) = (story.payment(index), rupiah(i64::from(n) * 1_000));
    let money = |event: PaymentEvent| (payment.to_string(), event.into());
    match kind {
        18 => story.received(index, i64::from(n) * 1_000),
        19 => money(PaymentEvent::Allocated(PaymentAllocated {
            payment,
            customer,
            invoice,
            amount,
            at,
        })),
        20 => money(PaymentEvent::Credited(PaymentCredited {
            payment,
            customer,
            amount,
            at,
        })),
        21 => money(PaymentEvent::LeftUnmatched(PaymentLeftUnmatched {
            payment,
            amount,
            reason: UnmatchedReason::UnknownOrder,
            at,
        })),
        22 => money(PaymentEvent::Matched(PaymentMatched {
            payment,
            customer,
            amount,
            at,
        })),
        23 if n % 2 == 0 => money(PaymentEvent::TakenBack(Box::new(PaymentTakenBack {
            payment,
            customer: Some(customer),
            reason: TakenBackReason::ChargeBack,
            amount,
            allocations: vec![Allocation { invoice, amount }],
            credit: rupiah(0),
            unmatched: rupiah(0),
            refunded: amount,
            at,
        }))),
        _ => money(PaymentEvent::Refunded(PaymentRefunded {
            payment,
            from: if n > 100 {
                RefundedFrom::Credit
            } else {
                RefundedFrom::Unmatched
            },
            amount,
            refunded: amount,
            reference: format!("ref {n}"),
            at,
        })),
    }
}

/// What happens to a customer's credit.
pub(crate) fn credit_event(story: &Story, (kind, index, n): Op) -> Event {
    let (invoice, customer, at) = (story.invoice(index), story.customer(index), at(n.into()));
    let (payment, amount) = (story.payment(index), rupiah(i64::from(n) * 1_000));
    let credit = |event: CreditAccountEvent| (customer.to_string(), event.into());
    match kind {
        24 => credit(CreditAccountEvent::CreditAdded(CreditAdded {
            customer,
            payment,
            amount,
            balance: amount,
            at,
        })),
        _ if n % 3 == 0 => credit(CreditAccountEvent::CreditReturned(CreditReturned {
            customer,
            invoice,
            amount,
            balance: amount,
            at,
        })),
        _ if n % 3 == 1 => credit(CreditAccountEvent::CreditTakenBack(CreditTakenBack {
            customer,
            payment,
            amount,
            balance: amount,
            at,
        })),
        _ => credit(CreditAccountEvent::CreditUsed(CreditUsed {
            customer,
            for_what: CreditUse::Invoice { invoice },
            amount,
            balance: amount,
            at,
        })),
    }
}

/// What happens to a try to pay; `created` if it was made before.
pub(crate) fn attempt_event(story: &Story, (_, index, n): Op, created: bool) -> Event {
    let attempt = AttemptId::derive(story.tenant.as_uuid(), &index.to_string());
    let (invoice, at) = (story.invoice(index), at(n.into()));
    let event = match n % 3 {
        _ if !created => AttemptEvent::Created(Box::new(AttemptCreated {
            attempt,
            invoice,
            customer: story.customer(index),
            gateway: GatewayId::new(Uuid::from_u128(1)),
            kind: GatewayKind::Tripay,
            merchant_ref: MerchantRef::for_attempt(attempt, 1),
            channel: "QRIS".to_owned(),
            amount: rupiah(150_000),
            payer_fee: rupiah(0),
            merchant_fee: rupiah(0),
            expected_payer_amount: rupiah(150_000),
            expires_at: at,
            at,
        })),
        0 => AttemptEvent::CheckoutOpened(Box::new(AttemptCheckoutOpened {
            attempt,
            checkout: Checkout {
                provider_ref: format!("T{n}"),
                payer_amount: rupiah(150_000),
                payer_fee: rupiah(0),
                merchant_fee: rupiah(0),
                pay_url: Some("https://pay.example/1".to_owned()),
                pay_code: None,
                qr_string: None,
                expires_at: at,
            },
            at,
        })),
        1 => AttemptEvent::Expired(AttemptExpired { attempt, invoice, at }),
        _ => AttemptEvent::Reversed(AttemptReversed {
            attempt,
            invoice,
            provider_ref: "T".to_owned(),
            at,
        }),
    };
    (attempt.to_string(), event.into())
}
