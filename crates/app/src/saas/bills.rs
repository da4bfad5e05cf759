//! The bills of operators: issued when their period begins, paid by transfer or through the gateway, or withdrawn.

use chrono::{DateTime, Days, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    CustomerId, InvoiceId, PaymentId, Rupiah, TenantId,
    billing::{
        Invoice,
        invoice::{Billed, InvoiceSnapshot},
    },
    customers::CustomerCode,
    platform::{Account, account::AccountStatus},
    saas::{
        Item, Tab, TabCommand, TabEvent, meter, payer_id,
        tab::{BillPeriod, PeriodBilled},
        terms::BillingTerms,
    },
};
use simpul_event_store::{Access, Actor, Command, Work};

use super::terms::{current, on_platform};
use crate::{
    Outcome, Personal, Refusal,
    billing::{
        Transfer,
        issuing::{NewBill, issue},
        receive_transfer, void,
    },
    customers::{Person, register},
    decide, permission, refuse,
};

/// Bills the operator's next period, if it has begun: the tab's lines become an invoice in the same unit of work. A period
/// that was missed is billed when its turn comes, due from the day on which it is issued.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BillAccount {
    pub account: TenantId,
    /// When the timer that asks fell due. A clock that was set back since then does not make it early.
    pub not_before: Option<DateTime<Utc>>,
}

impl Command for BillAccount {
    const NAME: &'static str = "saas.bill_account";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = Option<InvoiceId>;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<Option<InvoiceId>> {
        on_platform(work)?;
        let terms = current(work).await?;
        let id = self.account.to_string();
        let at = work.at();
        let bill = TabCommand::BillPeriod(BillPeriod {
            today: terms
                .zone
                .date_at(self.not_before.map_or(at, |due_at| due_at.max(at))),
            billing_day: terms.billing_day,
            tax: terms.tax,
            at: work.at(),
        });
        for event in decide::<Tab>(work, &id, bill).await? {
            if let TabEvent::PeriodBilled(billed) = event
                && let Some(invoice) = billed.invoice
            {
                let bill = new_bill(work, &terms, invoice, *billed).await?;
                issue(work, bill).await?;
                return Ok(Some(invoice));
            }
        }
        Ok(None)
    }
}

async fn new_bill(
    work: &mut Work<'_>,
    terms: &BillingTerms,
    invoice: InvoiceId,
    billed: PeriodBilled,
) -> Outcome<NewBill> {
    let today = terms.zone.date_at(work.at());
    let tab = work.load::<Tab>(&billed.account.to_string()).await?;
    let Some((code, name)) = tab.payer() else {
        return refuse(Refusal::Missing { what: "tab" });
    };
    let plan = Item::plan();
    let plan_name = tab
        .charges_on(billed.period.from())
        .find(|charge| charge.item == plan)
        .map_or_else(String::new, |charge| charge.label.clone());
    Ok(NewBill {
        invoice,
        customer: payer_id(billed.account),
        billed: Billed::Account(billed.account),
        period: billed.period,
        lines: billed.lines,
        due_on: today + Days::new(u64::from(terms.due_days)),
        zone: terms.zone,
        number_pattern: terms.number_pattern.clone(),
        snapshot: InvoiceSnapshot {
            seller_name: terms.seller_name.clone(),
            customer_code: code.clone(),
            account_name: Some(name.to_owned()),
            plan: None,
            plan_name,
        },
    })
}

/// A super admin saw the operator's transfer arrive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MarkBillPaid {
    pub invoice: InvoiceId,
    pub amount: Rupiah,
    /// What proves it, such as the bank's reference; one reference is one transfer.
    pub reference: String,
    /// Now when absent.
    pub paid_at: Option<DateTime<Utc>>,
}

impl Command for MarkBillPaid {
    const NAME: &'static str = "saas.mark_paid";
    const ACCESS: Access = Access::permission(permission::PLATFORM_BILLING);
    type Answer = PaymentId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<PaymentId> {
        account_of(work, self.invoice).await?;
        let paid_at = self.paid_at.unwrap_or_else(|| work.at());
        if paid_at > work.at() {
            return refuse(Refusal::Invalid {
                field: "paidAt",
                rule: "past",
            });
        }
        let Actor::User(approved_by) = work.context().actor else {
            return refuse(Refusal::Missing { what: "approver" });
        };
        let transfer = Transfer {
            invoice: self.invoice,
            amount: self.amount,
            reference: &self.reference,
            paid_at,
            approved_by,
        };
        receive_transfer(work, transfer).await
    }
}

/// Withdraws an operator's bill on which nothing was paid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VoidBill {
    pub invoice: InvoiceId,
    pub reason: String,
}

impl Command for VoidBill {
    const NAME: &'static str = "saas.void";
    const ACCESS: Access = Access::permission(permission::PLATFORM_BILLING);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        account_of(work, self.invoice).await?;
        void(work, self.invoice, &self.reason).await
    }
}

/// Whom the platform reaches about an operator's bills.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegisterPayer {
    pub account: TenantId,
    pub name: Personal,
    /// As typed; normalised to E.164 before it is sealed.
    pub phone: Personal,
    pub email: Option<Personal>,
}

impl Command for RegisterPayer {
    const NAME: &'static str = "saas.register_payer";
    const ACCESS: Access = Access::permission(permission::PLATFORM_BILLING);
    type Answer = CustomerId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<CustomerId> {
        on_platform(work)?;
        let Some(code) = code_of(work, self.account).await? else {
            return refuse(Refusal::Missing { what: "tenant" });
        };
        let payer = payer_id(self.account);
        let keys = work.keyring_of(&payer.to_string()).await?;
        let person = Person {
            name: &self.name,
            phone: &self.phone,
            email: self.email.as_ref(),
        };
        register(work, payer, &code, person, &keys).await?;
        Ok(payer)
    }
}

/// Under which code the operator is billed. A policy opens its tab a moment after its account: until then the account says
/// the same. An operator that is deleted has nobody to reach any more.
async fn code_of(work: &mut Work<'_>, account: TenantId) -> Outcome<Option<CustomerCode>> {
    let id = account.to_string();
    let opened = work.load::<Account>(&id).await?;
    if opened.status() == AccountStatus::Deleted {
        return Ok(None);
    }
    let spelled = opened
        .subdomain()
        .and_then(|subdomain| meter::code(account, subdomain));
    let tab = work.load::<Tab>(&id).await?;
    Ok(tab.payer().map(|(code, _)| code.clone()).or(spelled))
}

/// Whose bill it is; a bill that is not an operator's is not there.
async fn account_of(work: &mut Work<'_>, invoice: InvoiceId) -> Outcome<TenantId> {
    let billed = work.load::<Invoice>(&invoice.to_string()).await?.billed();
    match billed.and_then(Billed::account) {
        Some(account) => Ok(account),
        None => refuse(Refusal::Missing { what: "invoice" }),
    }
}
