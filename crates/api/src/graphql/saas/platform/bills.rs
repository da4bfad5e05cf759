//! Bills of all operators: seen, marked as paid, withdrawn.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    permission,
    saas::{MarkBillPaid, VoidBill},
};
use simpul_domain::{AttemptId, InvoiceId, TenantId};
use simpul_event_store::feed::Projector as _;
use simpul_projections::{
    billing::{
        attempt_list::{self, AttemptRow},
        invoice_list::{self, InvoiceListProjector, InvoiceRow},
    },
    sift::{Column, Sieve, Siftable, Test},
};

use crate::{
    ApiError,
    graphql::{
        batch,
        billing::{InvoiceLine, InvoiceStatus},
        fields::Fields,
        page::{Asked, Listed, Window, sifted},
        payload::payload,
        scalar::{Date, DateTime, Money, MoneyInput},
        scope::{Scope, scope},
        sift::{
            DateComparator, DateTimeComparator, IdComparator, MoneyComparator, TextComparator,
            WordComparator, filter, order, order_of, sieve, term, within,
        },
    },
};

const LIST: &str = "saasInvoices";

/// A bill of an operator.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct SaasInvoice {
    #[graphql(skip)]
    invoice: InvoiceId,
    /// Opaque.
    pub(in crate::graphql) id: ID,
    /// Whose it is.
    tenant_id: ID,
    /// The operator's name at the time of issue.
    tenant_name: String,
    /// The operator's code.
    tenant_code: String,
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
    /// Last day on which it can be paid in time.
    due_on: Date,
    /// When it was issued.
    issued_at: DateTime,
    /// When it fell overdue.
    overdue_at: Option<DateTime>,
    /// When nothing was asked for any more.
    paid_at: Option<DateTime>,
    /// When it was withdrawn.
    voided_at: Option<DateTime>,
    /// Why it was withdrawn.
    void_reason: Option<String>,
}

impl From<(TenantId, InvoiceRow)> for SaasInvoice {
    fn from((account, row): (TenantId, InvoiceRow)) -> Self {
        let last = row.period.until();
        let (name, code) = row
            .account
            .map(|account| (account.name, account.code))
            .unwrap_or_default();
        Self {
            id: row.invoice.to_string().into(),
            tenant_id: account.to_string().into(),
            tenant_name: name.unwrap_or_default(),
            tenant_code: code,
            number: row.number.into(),
            status: row.status.into(),
            period_from_on: Date(row.period.from()),
            period_until_on: Date(last.pred_opt().unwrap_or(last)),
            lines: row.lines.into_iter().map(InvoiceLine::from).collect(),
            total: row.total.into(),
            outstanding: row.outstanding.into(),
            due_on: Date(row.due_on),
            issued_at: DateTime(row.issued_at),
            overdue_at: row.overdue_at.map(DateTime),
            paid_at: row.paid_at.map(DateTime),
            voided_at: row.voided_at.map(DateTime),
            void_reason: row.void_reason,
            invoice: row.invoice,
        }
    }
}

/// One attempt of an operator to pay through the platform's gateway.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasPaymentAttempt {
    /// Opaque.
    pub(in crate::graphql) id: ID,
    /// How the gateway names it.
    merchant_ref: String,
    /// The gateway's channel code.
    channel: String,
    /// What the payer is asked for.
    payer_amount: Money,
    /// When it was planned.
    created_at: DateTime,
    /// When the payer paid.
    paid_at: Option<DateTime>,
}

impl From<AttemptRow> for SaasPaymentAttempt {
    fn from(row: AttemptRow) -> Self {
        Self {
            id: row.attempt.to_string().into(),
            merchant_ref: row.merchant_ref.as_str().to_owned(),
            channel: row.channel,
            payer_amount: row.expected_payer_amount.into(),
            created_at: DateTime(row.created_at),
            paid_at: row.paid_at.map(DateTime),
        }
    }
}

impl SaasPaymentAttempt {
    pub(in crate::graphql) async fn load(
        scope: &Arc<Scope>,
        attempt: AttemptId,
    ) -> Result<Option<Self>, ApiError> {
        scope.require(permission::PLATFORM_BILLING).await?;
        let row: Option<AttemptRow> = batch::one(scope, attempt).await?;
        Ok(row.map(Self::from))
    }
}

#[ComplexObject]
impl SaasInvoice {
    /// The attempts to pay it through the gateway, newest first.
    async fn attempts(&self, context: &Context<'_>) -> Result<Vec<SaasPaymentAttempt>> {
        let scope = scope(context)?;
        let mut tx = scope.read(&[InvoiceListProjector::NAME]).await?;
        let rows = attempt_list::of_invoices(&mut tx, &[self.invoice])
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(rows.into_iter().map(SaasPaymentAttempt::from).collect())
    }
}

impl SaasInvoice {
    /// A bill that is not an operator's is not there.
    pub(super) fn of(row: InvoiceRow) -> Option<Self> {
        row.billed.account().map(|account| Self::from((account, row)))
    }

    pub(in crate::graphql) async fn load(
        scope: &Arc<Scope>,
        invoice: InvoiceId,
    ) -> Result<Option<Self>, ApiError> {
        scope.require(permission::PLATFORM_BILLING).await?;
        let row: Option<InvoiceRow> = batch::one(scope, invoice).await?;
        Ok(row.and_then(Self::of))
    }
}

filter! {
    /// Which bills; everything that is given must hold.
    SaasInvoiceFilter {
        /// Where it stands.
        status: WordComparator<InvoiceStatus> = invoice_list::STATUS,
        /// Whose it is.
        tenant_id: IdComparator = invoice_list::ACCOUNT,
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
    SaasInvoiceOrder by SaasInvoiceOrderField {
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

/// Where a search looks.
const SEARCHED: [&Column; 3] = [
    invoice_list::NUMBER,
    invoice_list::ACCOUNT_CODE,
    invoice_list::ACCOUNT_NAME,
];

/// A transfer of an operator that arrived.
#[derive(Debug, InputObject)]
pub(crate) struct SaasInvoiceMarkPaidInput {
    /// What was paid.
    id: ID,
    /// What arrived. More than the bill asks for pays others, then becomes credit.
    amount: MoneyInput,
    /// What proves it, such as the bank's reference. One reference is one transfer.
    reference: String,
    /// When it arrived; now when absent.
    paid_at: Option<DateTime>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

/// Which bill is withdrawn, and why.
#[derive(Debug, InputObject)]
pub(crate) struct SaasInvoiceVoidInput {
    /// Of the bill.
    id: ID,
    /// For the audit trail, and for the operator.
    reason: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

payload! {
    /// What `saasInvoiceMarkPaid` answers.
    SaasInvoiceMarkPaidPayload { saas_invoice: SaasInvoice = InvoiceId }
}

payload! {
    /// What `saasInvoiceVoid` answers.
    SaasInvoiceVoidPayload { saas_invoice: SaasInvoice = InvoiceId }
}

/// Questions about operators' bills.
#[derive(Debug, Default)]
pub(crate) struct SaasBillsQuery;

#[Object]
impl SaasBillsQuery {
    /// One bill of an operator; null when there is none.
    /// Permission: platform.billing
    async fn saas_invoice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the bill.")] id: ID,
    ) -> Result<Option<SaasInvoice>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_BILLING).await?;
        match id.parse() {
            Ok(id) => Ok(SaasInvoice::load(scope, id).await?),
            Err(_) => Ok(None),
        }
    }

    /// Bills of operators, newest first; at most 100 a page.
    /// Permission: platform.billing
    async fn saas_invoices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "0 to 10,000 rows that are passed over; goes with `first` only.")] offset: Option<
            i32,
        >,
        #[graphql(desc = "Which bills.")] filter: Option<SaasInvoiceFilter>,
        #[graphql(desc = "At most three keys; newest first when absent.")] order_by: Option<
            Vec<SaasInvoiceOrder>,
        >,
        #[graphql(desc = "A part of the number, or of the operator's name or code; 2 to 100 characters.")]
        search: Option<String>,
    ) -> Result<Listed<SaasInvoice>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_BILLING).await?;
        let window = Window::both(first, after, last, before).behind(offset);
        let asked = Asked::of(context, LIST, window)?;
        let of_operators = Sieve::Test(invoice_list::ACCOUNT, Test::IsThere(true));
        let mut sieves = vec![of_operators, sieve(filter.as_ref())?];
        if let Some(term) = search.as_deref().map(term).transpose()? {
            sieves.push(within(&SEARCHED, term));
        }
        let sift = asked.sift(Sieve::All(sieves), order_of(order_by)?);
        let mut tx = scope.read(&[InvoiceListProjector::NAME]).await?;
        let passed = InvoiceRow::sifted(&mut tx, &sift).await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        // INVARIANT: the sieve lets bills of accounts through only.
        Ok(sifted(&asked, passed, |row| {
            let account = row.billed.account().unwrap_or(TenantId::PLATFORM);
            SaasInvoice::from((account, row))
        }))
    }
}

/// Commands about operators' bills.
#[derive(Debug, Default)]
pub(crate) struct SaasBillsMutation;

#[Object]
impl SaasBillsMutation {
    /// Books a transfer that was seen to arrive. The operator's panel opens by itself when nothing is overdue any more.
    /// Permission: platform.billing
    async fn saas_invoice_mark_paid(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SaasInvoiceMarkPaidInput,
    ) -> Result<SaasInvoiceMarkPaidPayload> {
        let mut fields = Fields::default();
        let invoice: Option<InvoiceId> = fields.id("id", "invoice", &input.id);
        let amount = fields.money("amount", &input.amount);
        let command = fields.done(invoice.zip(amount).map(|(invoice, amount)| MarkBillPaid {
            invoice,
            amount,
            reference: input.reference.clone(),
            paid_at: input.paid_at.map(|at| at.0),
        }));
        let key = Some(input.idempotency_key.as_str());
        let outcome = scope(context)?
            .command("invoice", key, command, |_| invoice)
            .await?;
        Ok(outcome.flatten().into())
    }

    /// Withdraws a bill on which nothing was paid.
    /// Permission: platform.billing
    async fn saas_invoice_void(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SaasInvoiceVoidInput,
    ) -> Result<SaasInvoiceVoidPayload> {
        let mut fields = Fields::default();
        let invoice: Option<InvoiceId> = fields.id("id", "invoice", &input.id);
        let command = fields.done(invoice.map(|invoice| VoidBill {
            invoice,
            reason: input.reason.clone(),
        }));
        let key = Some(input.idempotency_key.as_str());
        let outcome = scope(context)?
            .command("invoice", key, command, |()| invoice)
            .await?;
        Ok(outcome.flatten().into())
    }
}
