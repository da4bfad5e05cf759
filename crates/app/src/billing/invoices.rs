//! Ageing and voiding invoices.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    InvoiceId,
    billing::{Invoice, InvoiceCommand, InvoiceEvent},
};
use simpul_event_store::{Access, Command, Work};

use super::{late_fees, open_set};
use crate::{Outcome, Refusal, decide, permission, refuse, refused};

/// The local date may have passed an invoice's due date.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MarkOverdue {
    pub invoice: InvoiceId,
    /// When the timer that asks fell due. A clock that was set back since then does not make it early: the timer is
    /// completed, and nobody would ask again.
    pub not_before: Option<DateTime<Utc>>,
}

impl Command for MarkOverdue {
    const NAME: &'static str = "invoice.mark_overdue";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = bool;
    type Refusal = Refusal;

    /// Whether the invoice is overdue by this command.
    async fn run(&self, work: &mut Work<'_>) -> Outcome<bool> {
        let at = work.at();
        let id = self.invoice.to_string();
        let Some(zone) = work.load::<Invoice>(&id).await?.zone() else {
            return refuse(Refusal::Missing { what: "invoice" });
        };
        let command = InvoiceCommand::MarkOverdue {
            today: zone.date_at(self.not_before.map_or(at, |due_at| due_at.max(at))),
            at,
        };
        let events = decide::<Invoice>(work, &id, command).await?;
        Ok(events
            .iter()
            .any(|event| matches!(event, InvoiceEvent::FellOverdue(_))))
    }
}

/// It may be time to remind a payer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemindOfInvoice {
    pub invoice: InvoiceId,
    /// Days after the due date; negative before it.
    pub stage: i8,
}

impl Command for RemindOfInvoice {
    const NAME: &'static str = "invoice.remind";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let command = InvoiceCommand::Remind {
            stage: self.stage,
            at: work.at(),
        };
        decide::<Invoice>(work, &self.invoice.to_string(), command).await?;
        Ok(())
    }
}

/// Withdraws an invoice on which nothing was paid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VoidInvoice {
    pub invoice: InvoiceId,
    pub reason: String,
}

impl Command for VoidInvoice {
    const NAME: &'static str = "invoice.void";
    const ACCESS: Access = Access::permission(permission::BILLING_WRITE);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        void(work, self.invoice, &self.reason).await
    }
}

/// Withdraws a bill; it asks for nothing any more.
pub(crate) async fn void(work: &mut Work<'_>, invoice: InvoiceId, reason: &str) -> Outcome<()> {
    let id = invoice.to_string();
    if work.load::<Invoice>(&id).await?.customer().is_none() {
        return Err(refused(Refusal::Missing { what: "invoice" }));
    }
    let command = InvoiceCommand::Void {
        reason: reason.to_owned(),
        at: work.at(),
    };
    decide::<Invoice>(work, &id, command).await?;
    open_set::keep(work, invoice).await?;
    late_fees::give_back(work, invoice).await
}
