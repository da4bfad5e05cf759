//! Issuing a bill, whatever it is for: under the next number, with the payer's credit put on it.
//!
//! INVARIANT: one unit of work holds the number, the bill, and the credit that it uses, so that numbers have no gap
//! (Property 76) and no credit is spent twice (Property 65).

use chrono::NaiveDate;
use simpul_domain::{
    CustomerId, InvoiceId, Rupiah,
    billing::{
        CreditAccount, CreditAccountCommand, Invoice, InvoiceCommand, InvoiceNumberPattern, Period,
        credit_account::CreditUse,
        gateway::Currency,
        invoice::{Billed, InvoiceLine, InvoiceSnapshot, IssueInvoice},
    },
    time::Zone,
};
use simpul_event_store::Work;

use super::open_set;
use crate::{Outcome, decide};

/// A bill that has no number yet.
#[derive(Debug)]
pub(crate) struct NewBill {
    pub(crate) invoice: InvoiceId,
    pub(crate) customer: CustomerId,
    pub(crate) billed: Billed,
    pub(crate) period: Period,
    pub(crate) lines: Vec<InvoiceLine>,
    pub(crate) due_on: NaiveDate,
    pub(crate) zone: Zone,
    pub(crate) number_pattern: InvoiceNumberPattern,
    pub(crate) snapshot: InvoiceSnapshot,
}

/// Issues it. The caller has seen that it is not there yet.
pub(crate) async fn issue(work: &mut Work<'_>, bill: NewBill) -> Outcome<()> {
    let id = bill.invoice.to_string();
    let issued_on = bill.zone.date_at(work.at());
    let scope = format!("invoice/{}", bill.number_pattern.scope(issued_on));
    let counter = work.next_number(&scope).await?;
    let issue = IssueInvoice {
        invoice: bill.invoice,
        number: bill.number_pattern.render(issued_on, counter),
        customer: bill.customer,
        billed: bill.billed,
        period: bill.period,
        lines: bill.lines,
        due_on: bill.due_on,
        currency: Currency::Idr,
        zone: bill.zone,
        snapshot: bill.snapshot,
        at: work.at(),
    };
    decide::<Invoice>(work, &id, InvoiceCommand::Issue(Box::new(issue))).await?;
    use_credit(work, bill.invoice, bill.customer).await?;
    open_set::keep(work, bill.invoice).await
}

async fn use_credit(work: &mut Work<'_>, invoice: InvoiceId, customer: CustomerId) -> Outcome<()> {
    let (id, account, at) = (invoice.to_string(), customer.to_string(), work.at());
    let outstanding = work.load::<Invoice>(&id).await?.outstanding();
    let amount: Rupiah = work
        .load::<CreditAccount>(&account)
        .await?
        .balance()
        .min(outstanding);
    if !amount.is_positive() {
        return Ok(());
    }
    let spend = CreditAccountCommand::UseCredit {
        customer,
        for_what: CreditUse::Invoice { invoice },
        amount,
        at,
    };
    decide::<CreditAccount>(work, &account, spend).await?;
    decide::<Invoice>(work, &id, InvoiceCommand::ApplyCredit { amount, at }).await?;
    Ok(())
}
