//! The platform's bills in the operator's own log.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    EventId, InvoiceId,
    saas::{Statement, StatementCommand, statement::News},
};
use simpul_event_store::{Access, Command, Work};

use crate::{Outcome, Refusal, decide, permission};

/// The platform tells what became of a bill.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HearOfBill {
    pub invoice: InvoiceId,
    pub news: News,
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
        decide::<Statement>(work, &self.invoice.to_string(), command).await?;
        Ok(())
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
