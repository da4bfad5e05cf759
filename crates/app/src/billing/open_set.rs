//! Which bills ask for money, by due date: those of a customer for whoever distributes money, and those of lines for
//! whoever counts isolations before they happen.
//!
//! INVARIANT: a set only names bills; what they ask for is read from each.

use chrono::NaiveDate;
use simpul_domain::{
    CustomerId, InvoiceId, SubscriptionId,
    billing::{Invoice, invoice::Billed},
};
use simpul_event_store::Work;

use super::isolir_runs::Waiting;
use crate::Outcome;

/// Scope of the set of invoices that ask for money, by customer, ordered by due date.
pub(super) const OPEN_INVOICES: &str = "invoices.open";

/// What the sets know of a bill.
struct Known {
    customer: CustomerId,
    line: Option<SubscriptionId>,
    due_on: NaiveDate,
    is_open: bool,
}

/// Puts the bill into its sets if it asks for money, and takes it out if it does not.
pub(super) async fn keep(work: &mut Work<'_>, invoice: InvoiceId) -> Outcome<()> {
    let id = invoice.to_string();
    let bill = work.load::<Invoice>(&id).await?;
    let (Some(customer), Some(due_on)) = (bill.customer(), bill.due_on()) else {
        return Ok(());
    };
    let known = Known {
        customer,
        line: bill.billed().and_then(Billed::subscription),
        due_on,
        is_open: bill.is_open(),
    };
    let customer = known.customer.to_string();
    if known.is_open {
        work.add_member(OPEN_INVOICES, &customer, &id, &known.due_on.to_string());
    } else {
        work.drop_member(OPEN_INVOICES, &customer, &id);
    }
    let Some(subscription) = known.line else {
        return Ok(());
    };
    let waiting = Waiting {
        invoice,
        subscription,
        due_on,
    };
    if known.is_open {
        waiting.put(work);
    } else {
        waiting.drop(work);
    }
    Ok(())
}
