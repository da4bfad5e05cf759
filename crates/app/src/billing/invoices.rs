//! Issuing, ageing and voiding invoices.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    InvoiceId, SubscriptionId,
    billing::{
        Invoice, InvoiceCommand, InvoiceError, InvoiceEvent, Period,
        calendar::invoice_id,
        invoice::{Billed, InvoiceSnapshot},
        service::{self, Rules, Service},
    },
    customers::{Customer, customer::CustomerStatus},
    subscriptions::Subscription,
    tenancy::Tenant,
};
use simpul_event_store::{Access, Command, Work};

use super::{
    OPEN_INVOICES,
    issuing::{NewBill, issue},
};
use crate::{Outcome, Refusal, decide, permission, refuse, refused};

/// Bills a subscription for the month that ends on `due_on`, by the plan's price and the operator's rules.
///
/// One invoice per subscription and period: its id is derived from both, so that issuing twice yields the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IssueInvoice {
    pub subscription: SubscriptionId,
    pub due_on: NaiveDate,
}

impl Command for IssueInvoice {
    const NAME: &'static str = "invoice.issue";
    const ACCESS: Access = Access::permission(permission::BILLING_WRITE);
    type Answer = InvoiceId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<InvoiceId> {
        let subscription = work.load::<Subscription>(&self.subscription.to_string()).await?;
        let (Some(terms), Some(customer), Some(due_day), Some(installed_on)) = (
            subscription.terms().cloned(),
            subscription.customer(),
            subscription.due_day(),
            subscription.installed_on(),
        ) else {
            return refuse(Refusal::Missing { what: "subscription" });
        };
        let period = Period::ending_at(due_day, self.due_on);
        let invoice = invoice_id(work.tenant(), self.subscription, period);
        let id = invoice.to_string();
        if work.load::<Invoice>(&id).await?.customer().is_some() {
            return Ok(invoice);
        }
        let CustomerStatus::Registered { code, .. } = work
            .load::<Customer>(&customer.to_string())
            .await?
            .status()
            .clone()
        else {
            return refuse(Refusal::Unusable { what: "customer" });
        };
        let tenant_id = work.tenant().to_string();
        let tenant = work.load::<Tenant>(&tenant_id).await?;
        let (settings, name) = (tenant.settings().clone(), tenant.name().to_owned());
        let seller_name = settings.branding.seller_name.unwrap_or(name);
        let of_period = Service {
            name: &terms.name,
            price: terms.price,
            period,
            installed_on,
        };
        let rules = Rules {
            first_period: settings.invoicing.first_period,
            rounding_unit: settings.invoicing.rounding_unit,
            tax: settings.taxation.on(settings.region.zone.date_at(work.at())),
        };
        let bill = NewBill {
            invoice,
            customer,
            billed: Billed::Subscription(self.subscription),
            period,
            lines: service::lines(&of_period, rules)
                .map_err(InvoiceError::from)
                .map_err(refused)?,
            due_on: self.due_on,
            zone: settings.region.zone,
            number_pattern: settings.invoicing.number_pattern,
            snapshot: InvoiceSnapshot {
                seller_name,
                customer_code: code,
                account_name: None,
                plan: Some(terms.plan),
                plan_name: terms.name.clone(),
            },
        };
        issue(work, bill).await?;
        Ok(invoice)
    }
}

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
    let Some(customer) = work.load::<Invoice>(&id).await?.customer() else {
        return Err(refused(Refusal::Missing { what: "invoice" }));
    };
    let command = InvoiceCommand::Void {
        reason: reason.to_owned(),
        at: work.at(),
    };
    decide::<Invoice>(work, &id, command).await?;
    work.drop_member(OPEN_INVOICES, &customer.to_string(), &id);
    Ok(())
}
