//! The platform's bills in the operator's own log.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    EventId, InvoiceId, Rupiah,
    identity::LetterKind,
    saas::{Statement, StatementCommand, StatementEvent, statement::News as Heard},
};
use simpul_event_store::{Access, Command, Work};

use crate::{
    Outcome, Refusal, decide,
    identity::{
        admins,
        letters::{News, Unpaid},
    },
    permission, stream,
};

/// The platform tells what became of a bill.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HearOfBill {
    pub invoice: InvoiceId,
    pub news: Heard,
}

impl Command for HearOfBill {
    const NAME: &'static str = "saas.hear";
    const ACCESS: Access = Access {
        feature: None,
        permission: permission::INTERNAL,
        when_locked: true,
        founding: false,
    };
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let command = StatementCommand::Hear {
            invoice: self.invoice,
            news: self.news.clone(),
            at: work.at(),
        };
        for event in decide::<Statement>(work, &self.invoice.to_string(), command).await? {
            tell(work, &event).await?;
        }
        Ok(())
    }
}

/// Whoever may pay is told by letter that money is asked for, and that the day for it is over (F150).
async fn tell(work: &mut Work<'_>, event: &StatementEvent) -> Outcome<()> {
    let (kind, news) = match event {
        StatementEvent::Presented(presented) if presented.total.is_positive() => {
            let bill = Unpaid {
                number: presented.number.to_string(),
                outstanding: presented.total,
                due_on: Some(presented.due_on),
            };
            (LetterKind::BillIssued, News::BillIssued(bill))
        }
        StatementEvent::FellOverdue(overdue) => match unpaid(work, overdue.invoice).await? {
            Some(bill) => (LetterKind::BillOverdue, News::BillOverdue(bill)),
            None => return Ok(()),
        },
        _ => return Ok(()),
    };
    admins::tell(work, permission::TENANT_BILLING, kind, &news).await
}

/// The bill as the tenant's own log tells it.
pub(crate) async fn unpaid(work: &Work<'_>, bill: InvoiceId) -> Outcome<Option<Unpaid>> {
    let events = stream::events::<Statement>(work.store(), work.tenant(), &bill.to_string()).await?;
    let mut unpaid: Option<Unpaid> = None;
    for event in events {
        match event {
            StatementEvent::Presented(presented) => {
                unpaid = Some(Unpaid {
                    number: presented.number.to_string(),
                    outstanding: presented.total,
                    due_on: Some(presented.due_on),
                });
            }
            StatementEvent::PartPaid(paid) => still(&mut unpaid, paid.outstanding),
            StatementEvent::TakenBack(taken) => still(&mut unpaid, taken.outstanding),
            StatementEvent::Settled(_) | StatementEvent::Withdrawn(_) => still(&mut unpaid, Rupiah::ZERO),
            StatementEvent::PaymentRequested(_) | StatementEvent::FellOverdue(_) => {}
        }
    }
    Ok(unpaid.filter(|unpaid| unpaid.outstanding.is_positive()))
}

fn still(unpaid: &mut Option<Unpaid>, outstanding: Rupiah) {
    if let Some(unpaid) = unpaid {
        unpaid.outstanding = outstanding;
    }
}

/// Somebody of the operator wants to pay a bill through the platform's gateway. Written down in the operator's log; the
/// attempt that follows stands in the platform's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RequestBillPayment {
    pub invoice: InvoiceId,
    /// The gateway's channel code.
    pub channel: String,
}

/// A request that was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedPayment {
    pub invoice: InvoiceId,
    /// The cause of what follows in the platform's log.
    pub request: EventId,
}

impl Command for RequestBillPayment {
    const NAME: &'static str = "saas.request_payment";
    /// Paying is what a locked panel still allows.
    const ACCESS: Access = Access {
        feature: None,
        permission: permission::TENANT_BILLING,
        when_locked: true,
        founding: false,
    };
    type Answer = RequestedPayment;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<RequestedPayment> {
        let command = StatementCommand::RequestPayment {
            channel: self.channel.clone(),
            at: work.at(),
        };
        decide::<Statement>(work, &self.invoice.to_string(), command).await?;
        let request = work.staged().last().map(|staged| staged.event_id);
        match request {
            Some(request) => Ok(RequestedPayment {
                invoice: self.invoice,
                request,
            }),
            None => Err(crate::corrupt()),
        }
    }
}
