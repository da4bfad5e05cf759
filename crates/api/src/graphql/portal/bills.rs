//! A customer's own bills.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, Object, Result, SimpleObject};
use simpul_domain::{InvoiceId, billing::invoice::Billed};
use simpul_event_store::feed::Projector as _;
use simpul_projections::billing::invoice_list::{self, InvoiceFilter, InvoiceListProjector, InvoiceRow};

use super::lines::Subscription;
use crate::{
    ApiError,
    graphql::{
        billing::{InvoiceLine, InvoiceStatus},
        live::{State, states::state},
        page::{Asked, Listed, Window, connection},
        scalar::{Date, DateTime, Money},
        scope::{Scope, scope},
    },
};

const LIST: &str = "own-invoices";

/// A bill.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Invoice {
    #[graphql(skip)]
    billed: Billed,
    /// Opaque.
    pub(crate) id: ID,
    /// As printed.
    number: String,
    /// Where the bill stands.
    status: InvoiceStatus,
    /// First day of the billed period.
    period_from_on: Date,
    /// Last day of the billed period.
    period_until_on: Date,
    /// The lines.
    lines: Vec<InvoiceLine>,
    /// Sum of the lines.
    total: Money,
    /// What is still asked for.
    outstanding: Money,
    /// What being late with it costs: a line of the next bill, or of one that was issued since. Null while nothing is
    /// asked for it, and when it was waived.
    late_fee: Option<Money>,
    /// Last day on which it can be paid in time.
    due_on: Date,
    /// When it was issued.
    issued_at: DateTime,
    /// When nothing was asked for any more.
    paid_at: Option<DateTime>,
    /// When it was withdrawn.
    voided_at: Option<DateTime>,
}

impl From<InvoiceRow> for Invoice {
    fn from(row: InvoiceRow) -> Self {
        let last = row.period.until();
        Self {
            id: row.invoice.to_string().into(),
            number: row.number.into(),
            status: row.status.into(),
            period_from_on: Date(row.period.from()),
            period_until_on: Date(last.pred_opt().unwrap_or(last)),
            lines: row.lines.into_iter().map(InvoiceLine::from).collect(),
            total: row.total.into(),
            outstanding: row.outstanding.into(),
            late_fee: row.late_fee.map(Money::from),
            due_on: Date(row.due_on),
            issued_at: DateTime(row.issued_at),
            paid_at: row.paid_at.map(DateTime),
            voided_at: row.voided_at.map(DateTime),
            billed: row.billed,
        }
    }
}

#[ComplexObject]
impl Invoice {
    /// What is billed.
    /// Permission: portal.customer
    async fn subscription(&self, context: &Context<'_>) -> Result<Option<Subscription>> {
        match self.billed.subscription() {
            Some(line) => Ok(Subscription::load(scope(context)?, line).await?),
            None => Ok(None),
        }
    }
}

impl Invoice {
    pub(super) async fn load(scope: &Scope, id: InvoiceId) -> Result<Option<Self>, ApiError> {
        let customer = scope.customer().await?;
        let mut tx = scope.read(&[InvoiceListProjector::NAME]).await?;
        let row = invoice_list::of_customer(&mut tx, customer, id).await?;
        tx.commit().await?;
        Ok(row.map(Self::from))
    }
}

impl State for Invoice {
    type Id = InvoiceId;

    async fn admit(scope: &Scope) -> Result<(), ApiError> {
        scope.customer().await.map(drop)
    }

    async fn load(scope: &Arc<Scope>, id: InvoiceId) -> Result<Option<Self>, ApiError> {
        Self::load(scope, id).await
    }
}

/// Questions about bills.
#[derive(Debug, Default)]
pub(crate) struct BillsQuery;

#[Object]
impl BillsQuery {
    /// One of the customer's bills; null when there is none.
    /// Permission: portal.customer
    async fn invoice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the bill.")] id: ID,
    ) -> Result<Option<Invoice>> {
        let scope = scope(context)?;
        scope.customer().await?;
        match id.parse() {
            Ok(id) => Ok(Invoice::load(scope, id).await?),
            Err(_) => Ok(None),
        }
    }

    /// The customer's bills, newest first; at most 100 a page.
    /// Permission: portal.customer
    async fn invoices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "Bills in this status.")] status: Option<InvoiceStatus>,
    ) -> Result<Listed<Invoice>> {
        let scope = scope(context)?;
        let own = InvoiceFilter {
            customer: Some(scope.customer().await?),
            status: status.map(Into::into),
        };
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let mut tx = scope.read(&[InvoiceListProjector::NAME]).await?;
        let slice = invoice_list::list(&mut tx, &own, asked.page()?)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection(&asked, slice, Invoice::from))
    }
}

state! {
    /// One of the customer's bills now, then after each change, at most once a second: whether it is paid.
    /// Permission: portal.customer
    BillStates::invoice_state("Of the bill.") of Invoice
}
