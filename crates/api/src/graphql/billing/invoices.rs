//! Questions and commands about bills.

use async_graphql::{Context, ID, InputObject, Object, Result};
use simpul_app::{
    billing::{IssueInvoice, VoidInvoice, WaiveLateFee},
    permission,
};
use simpul_domain::{InvoiceId, SubscriptionId};
use simpul_event_store::feed::Projector as _;
use simpul_projections::billing::invoice_list::{self, InvoiceListProjector, InvoiceRow};

use super::invoice::{Invoice, InvoiceStatus};
use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        page::{Asked, RowConnection, Window, sorted_rows},
        payload::payload,
        scalar::Date,
        scope::scope,
        sift::{
            DateComparator, DateTimeComparator, IdComparator, MoneyComparator, TextComparator,
            WordComparator, filter, order, order_of, sieve,
        },
        user_error::UserError,
    },
};

const LIST: &str = "invoices";

filter! {
    /// Which bills; everything that is given must hold.
    InvoiceFilter {
        /// Where it stands.
        status: WordComparator<InvoiceStatus> = invoice_list::STATUS,
        /// Whose it is.
        customer_id: IdComparator = invoice_list::CUSTOMER,
        /// Of which line.
        subscription_id: IdComparator = invoice_list::SUBSCRIPTION,
        /// What is printed on it.
        number: TextComparator = invoice_list::NUMBER,
        /// What it asks for.
        total: MoneyComparator = invoice_list::TOTAL,
        /// What is not paid yet.
        outstanding: MoneyComparator = invoice_list::OUTSTANDING,
        /// Last day on which it can be paid in time.
        due_on: DateComparator = invoice_list::DUE_ON,
        /// When it was written.
        issued_at: DateTimeComparator = invoice_list::ISSUED_AT,
    }
}

order! {
    InvoiceOrder by InvoiceOrderField {
        /// When it was written.
        IssuedAt = invoice_list::ISSUED_AT,
        /// Last day on which it can be paid in time.
        DueOn = invoice_list::DUE_ON,
        /// What is printed on it.
        Number = invoice_list::NUMBER,
        /// What it asks for.
        Total = invoice_list::TOTAL,
        /// What is not paid yet.
        Outstanding = invoice_list::OUTSTANDING,
    }
}

/// Which line is billed for the month that ends on its due date.
#[derive(Debug, InputObject)]
pub(crate) struct InvoiceIssueInput {
    /// Of the line.
    subscription_id: ID,
    /// Last day on which it can be paid in time.
    due_on: Date,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

/// Which bill is withdrawn, and why.
#[derive(Debug, InputObject)]
pub(crate) struct InvoiceVoidInput {
    /// Of the bill.
    id: ID,
    /// For the audit trail.
    reason: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

impl InvoiceVoidInput {
    fn command(&self) -> Result<VoidInvoice, Vec<UserError>> {
        let mut fields = Fields::default();
        let invoice = fields.id("id", "invoice", &self.id);
        fields.done(invoice.map(|invoice| VoidInvoice {
            invoice,
            reason: self.reason.clone(),
        }))
    }
}

payload! {
    /// What `invoiceIssue` answers.
    InvoiceIssuePayload { invoice: Invoice = InvoiceId }
}
/// Whose late fee is given up, and why.
#[derive(Debug, InputObject)]
pub(crate) struct InvoiceLateFeeWaiveInput {
    /// Of the bill that was paid late, or is late.
    id: ID,
    /// For the audit trail.
    reason: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

impl InvoiceLateFeeWaiveInput {
    fn command(&self) -> Result<WaiveLateFee, Vec<UserError>> {
        let mut fields = Fields::default();
        fields.said([("reason", &self.reason)]);
        let invoice = fields.id("id", "invoice", &self.id);
        fields.done(invoice.map(|invoice| WaiveLateFee {
            invoice,
            reason: self.reason.clone(),
        }))
    }
}

payload! {
    /// What `invoiceLateFeeWaive` answers.
    InvoiceLateFeeWaivePayload { invoice: Invoice = InvoiceId }
}
payload! {
    /// What `invoiceVoid` answers.
    InvoiceVoidPayload { invoice: Invoice = InvoiceId }
}

/// Questions about bills.
#[derive(Debug, Default)]
pub(crate) struct InvoicesQuery;

#[Object]
impl InvoicesQuery {
    /// One bill; null when there is none.
    /// Permission: billing.read
    async fn invoice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the bill.")] id: ID,
    ) -> Result<Option<Invoice>> {
        let scope = scope(context)?;
        scope.require(permission::BILLING_READ).await?;
        match id.parse() {
            Ok(id) => Ok(Invoice::load(scope, id).await?),
            Err(_) => Ok(None),
        }
    }

    /// Bills, newest first; at most 100 a page.
    /// Permission: billing.read
    async fn invoices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "0 to 10,000 rows that are passed over; goes with `first` only.")] offset: Option<
            i32,
        >,
        #[graphql(desc = "Which bills.")] filter: Option<InvoiceFilter>,
        #[graphql(desc = "At most three keys; newest first when absent.")] order_by: Option<
            Vec<InvoiceOrder>,
        >,
    ) -> Result<RowConnection<Invoice>> {
        let scope = scope(context)?;
        scope.require(permission::BILLING_READ).await?;
        let window = Window::both(first, after, last, before).behind(offset);
        let asked = Asked::of(context, LIST, window)?;
        let sift = asked.sift(sieve(filter.as_ref())?, order_of(order_by)?);
        let mut tx = scope.read(&[InvoiceListProjector::NAME]).await?;
        let connection = sorted_rows::<InvoiceRow, Invoice>(&asked, &mut tx, &sift).await?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection)
    }
}

/// Commands about bills.
#[derive(Debug, Default)]
pub(crate) struct InvoicesMutation;

#[Object]
impl InvoicesMutation {
    /// Bills a line for the month that ends on the due date, before it is billed by itself. Twice for one month is the same
    /// bill.
    /// Permission: billing.write
    async fn invoice_issue(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: InvoiceIssueInput,
    ) -> Result<InvoiceIssuePayload> {
        let mut fields = Fields::default();
        let line: Option<SubscriptionId> =
            fields.id("subscriptionId", "subscription", &input.subscription_id);
        let command = fields.done(line.map(|subscription| IssueInvoice {
            subscription,
            due_on: input.due_on.0,
        }));
        let key = Some(input.idempotency_key.as_str());
        let outcome = scope(context)?.command("invoice", key, command, |invoice| invoice);
        Ok(outcome.await?.into())
    }

    /// Gives up the late fee of a bill, as long as no other bill asks for it.
    /// Permission: billing.write
    async fn invoice_late_fee_waive(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: InvoiceLateFeeWaiveInput,
    ) -> Result<InvoiceLateFeeWaivePayload> {
        let command = input.command();
        let late = command.as_ref().map(|command| command.invoice).ok();
        let key = Some(input.idempotency_key.as_str());
        let outcome = scope(context)?
            .command("invoice", key, command, |()| late)
            .await?;
        Ok(outcome.flatten().into())
    }

    /// Withdraws a bill on which nothing was paid. Late fees that stood on it wait for the line's next bill.
    /// Permission: billing.write
    async fn invoice_void(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: InvoiceVoidInput,
    ) -> Result<InvoiceVoidPayload> {
        let command = input.command();
        let voided = command.as_ref().map(|command| command.invoice).ok();
        let key = Some(input.idempotency_key.as_str());
        let outcome = scope(context)?
            .command("invoice", key, command, |()| voided)
            .await?;
        Ok(outcome.flatten().into())
    }
}
