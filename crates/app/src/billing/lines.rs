//! Billing a line of service for a month, by whoever asks for it: a person, or the cycle.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use simpul_domain::{
    InvoiceId, SubscriptionId,
    billing::{
        CreditAccount, Invoice, InvoiceError, Period,
        calendar::invoice_id,
        invoice::{Billed, InvoiceSnapshot},
        service::{self, Rules, Service},
    },
    customers::{Customer, customer::CustomerStatus},
    subscriptions::Subscription,
    tenancy::{Tenant, TenantSettings},
};
use simpul_event_store::{Access, Command, Work};

use super::{
    issuing::{NewBill, issue},
    late_fees,
};
use crate::{Outcome, Refusal, permission, refuse, refused};

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
        match bill(work, self.subscription, self.due_on, self.due_on).await? {
            Some(invoice) => Ok(invoice),
            None => refuse(Refusal::Invalid {
                field: "dueOn",
                rule: "nothing_owed",
            }),
        }
    }
}

/// Bills the line for the month that ends on `turn`, to be paid until `due_on`, or until the next working day if the operator
/// wants that. Nothing where nothing is owed.
pub(super) async fn bill(
    work: &mut Work<'_>,
    line: SubscriptionId,
    turn: NaiveDate,
    due_on: NaiveDate,
) -> Outcome<Option<InvoiceId>> {
    let subscription = work.load::<Subscription>(&line.to_string()).await?.clone();
    let (Some(terms), Some(customer), Some(due_day), Some(installed_on)) = (
        subscription.terms(),
        subscription.customer(),
        subscription.due_day(),
        subscription.installed_on(),
    ) else {
        return refuse(Refusal::Missing { what: "subscription" });
    };
    let period = Period::ending_at(due_day, turn);
    let invoice = invoice_id(work.tenant(), line, period);
    let id = invoice.to_string();
    if work.load::<Invoice>(&id).await?.customer().is_some() {
        return Ok(Some(invoice));
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
    let (zone, invoicing) = (settings.region.zone, &settings.invoicing);
    let of_period = Service {
        name: &terms.name,
        price: terms.price,
        period,
        installed_on,
        days_off: subscription.unbilled_days(period, zone, invoicing.bill_while_isolated),
    };
    let mut lines = service::lines(&of_period, rules(work, &settings))
        .map_err(InvoiceError::from)
        .map_err(refused)?;
    if lines.is_empty() {
        return Ok(None);
    }
    let fees = late_fees::waiting(work, line).await?;
    lines.extend(fees.iter().map(|fee| fee.line(settings.region.language)));
    let bill = NewBill {
        invoice,
        customer,
        billed: Billed::Subscription(line),
        period,
        lines,
        due_on: settings.calendar.due_date(due_on),
        zone,
        number_pattern: invoicing.number_pattern.clone(),
        snapshot: InvoiceSnapshot {
            seller_name: settings.branding.seller_name.clone().unwrap_or(name),
            customer_code: code,
            account_name: None,
            plan: Some(terms.plan),
            plan_name: terms.name.clone(),
        },
    };
    issue(work, bill).await?;
    late_fees::bill(work, line, &fees, invoice).await?;
    Ok(Some(invoice))
}

/// Reads what [`bill`] asks of these lines and due dates.
pub(super) async fn read_ahead(work: &mut Work<'_>, turns: &[(SubscriptionId, NaiveDate)]) -> Outcome<()> {
    let lines: Vec<String> = turns.iter().map(|(line, _)| line.to_string()).collect();
    work.load_ahead::<Subscription>(&lines).await?;
    let (mut invoices, mut customers) = (Vec::new(), BTreeSet::new());
    for (line, turn) in turns {
        let subscription = work.load::<Subscription>(&line.to_string()).await?;
        customers.extend(subscription.customer().map(|customer| customer.to_string()));
        if let Some(due_day) = subscription.due_day() {
            let period = Period::ending_at(due_day, *turn);
            invoices.push(invoice_id(work.tenant(), *line, period).to_string());
        }
    }
    let customers: Vec<String> = customers.into_iter().collect();
    work.load_ahead::<Invoice>(&invoices).await?;
    work.load_ahead::<Customer>(&customers).await?;
    work.load_ahead::<CreditAccount>(&customers).await?;
    late_fees::read_ahead(work, &lines).await
}

fn rules(work: &Work<'_>, settings: &TenantSettings) -> Rules {
    Rules {
        first_period: settings.invoicing.first_period,
        rounding_unit: settings.invoicing.rounding_unit,
        tax: settings.taxation.on(settings.region.zone.date_at(work.at())),
    }
}
