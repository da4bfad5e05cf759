//! Which messages follow from what happened. "Isolated" and "back online" go out after the router has
//! confirmed it, never before (`facts/domain.md` 5.8).

use std::collections::BTreeSet;

use super::{MessageKind, message::MessageRefs, sender::Channel};
use crate::{
    CustomerId, EventId,
    billing::InvoiceEvent,
    network::{Access, ProvisioningEvent, provisioning::ProvisioningConfirmed},
    policy::Intent,
};

/// Name in command ids.
pub const POLICY: &str = "messaging.receipts";

/// What the tenant's settings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptFacts {
    /// Kinds that the tenant sends.
    pub enabled: BTreeSet<MessageKind>,
    pub channel: Channel,
}

pub fn on_invoice(cause: EventId, event: &InvoiceEvent, facts: &ReceiptFacts) -> Vec<Intent> {
    let (kind, customer, invoice, billed) = match event {
        InvoiceEvent::Issued(issued) if issued.total.is_positive() => (
            MessageKind::InvoiceCreated,
            issued.customer,
            issued.invoice,
            issued.billed,
        ),
        InvoiceEvent::Reminded(reminded) => (
            MessageKind::InvoiceDueReminder,
            reminded.customer,
            reminded.invoice,
            reminded.billed,
        ),
        InvoiceEvent::FellOverdue(overdue) => (
            MessageKind::InvoiceOverdue,
            overdue.customer,
            overdue.invoice,
            overdue.billed,
        ),
        InvoiceEvent::Paid(paid) if paid.total.is_positive() => {
            (MessageKind::InvoicePaid, paid.customer, paid.invoice, paid.billed)
        }
        InvoiceEvent::Issued(_)
        | InvoiceEvent::Paid(_)
        | InvoiceEvent::PaymentApplied(_)
        | InvoiceEvent::CreditApplied(_)
        | InvoiceEvent::PaymentTakenBack(_)
        | InvoiceEvent::CreditTakenBack(_)
        | InvoiceEvent::LateFeeCharged(_)
        | InvoiceEvent::LateFeeBilled(_)
        | InvoiceEvent::LateFeeReturned(_)
        | InvoiceEvent::LateFeeWaived(_)
        | InvoiceEvent::Reopened(_)
        | InvoiceEvent::Voided(_) => return Vec::new(),
    };
    let refs = MessageRefs {
        invoice: Some(invoice),
        subscription: billed.subscription(),
    };
    enabled(facts, kind)
        .map(|channel| Intent::message(cause, kind, customer, channel, refs))
        .into_iter()
        .collect()
}

/// `customer` owns the subscription of the event.
pub fn on_provisioning(
    cause: EventId,
    event: &ProvisioningEvent,
    customer: CustomerId,
    facts: &ReceiptFacts,
) -> Vec<Intent> {
    match event {
        ProvisioningEvent::Confirmed(confirmed) => {
            let refs = MessageRefs {
                invoice: None,
                subscription: Some(confirmed.subscription),
            };
            news(confirmed)
                .and_then(|kind| enabled(facts, kind).map(|channel| (kind, channel)))
                .map(|(kind, channel)| Intent::message(cause, kind, customer, channel, refs))
                .into_iter()
                .collect()
        }
        ProvisioningEvent::Failed(_) => Vec::new(),
    }
}

/// What the confirmation is news of for the customer.
fn news(confirmed: &ProvisioningConfirmed) -> Option<MessageKind> {
    match (confirmed.previous_access, confirmed.access) {
        (Some(Access::Isolated), Access::Isolated) => None,
        (_, Access::Isolated) => Some(MessageKind::CustomerIsolated),
        (Some(Access::Isolated), Access::Full) => Some(MessageKind::CustomerUnisolated),
        (_, Access::Full | Access::Blocked | Access::Removed) => None,
    }
}

fn enabled(facts: &ReceiptFacts, kind: MessageKind) -> Option<Channel> {
    facts.enabled.contains(&kind).then_some(facts.channel)
}
