//! What of a bill in the platform's log is told to the operator, whose own log keeps it as a statement.
//!
//! The operator's staff read their own log only: nothing of the platform's is ever opened to them.

use super::statement::{News, Presented};
use crate::{
    billing::{InvoiceEvent, invoice::Billed},
    policy::Intent,
};

/// Name in command ids.
pub const POLICY: &str = "saas.news";

pub fn react(event: &InvoiceEvent) -> Vec<Intent> {
    let (billed, invoice, news) = match event {
        InvoiceEvent::Issued(issued) => (
            issued.billed,
            issued.invoice,
            News::Presented(Box::new(Presented {
                number: issued.number.clone(),
                period: issued.period,
                lines: issued.lines.clone(),
                total: issued.total,
                due_on: issued.due_on,
                zone: issued.zone,
                issued_at: issued.at,
            })),
        ),
        InvoiceEvent::FellOverdue(overdue) => (overdue.billed, overdue.invoice, News::FellOverdue),
        InvoiceEvent::PaymentApplied(applied) => (
            applied.billed,
            applied.invoice,
            News::PartPaid {
                outstanding: applied.outstanding,
            },
        ),
        InvoiceEvent::CreditApplied(applied) => (
            applied.billed,
            applied.invoice,
            News::PartPaid {
                outstanding: applied.outstanding,
            },
        ),
        InvoiceEvent::Paid(paid) => (paid.billed, paid.invoice, News::Settled),
        InvoiceEvent::Voided(voided) => (
            voided.billed,
            voided.invoice,
            News::Withdrawn {
                reason: voided.reason.clone(),
            },
        ),
        InvoiceEvent::PaymentTakenBack(taken) => (
            taken.billed,
            taken.invoice,
            News::TakenBack {
                outstanding: taken.outstanding,
            },
        ),
        InvoiceEvent::CreditTakenBack(taken) => (
            taken.billed,
            taken.invoice,
            News::TakenBack {
                outstanding: taken.outstanding,
            },
        ),
        InvoiceEvent::Reminded(_)
        | InvoiceEvent::Reopened(_)
        | InvoiceEvent::LateFeeCharged(_)
        | InvoiceEvent::LateFeeBilled(_)
        | InvoiceEvent::LateFeeReturned(_)
        | InvoiceEvent::LateFeeWaived(_) => return Vec::new(),
    };
    match billed {
        Billed::Account(account) => vec![Intent::TellOperator {
            account,
            invoice,
            news,
        }],
        Billed::Subscription(_) => Vec::new(),
    }
}
