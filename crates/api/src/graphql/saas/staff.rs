//! What the platform asks an operator for, from the operator's own log, and how it is paid.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{permission, saas::RequestBillPayment};
use simpul_domain::{AttemptId, Code, InvoiceId};
use simpul_event_store::{Command as _, feed::Projector as _};
use simpul_projections::saas::statement_list::{self, StatementListProjector, StatementRow, StatementState};

use crate::{
    ApiError,
    checkout::Started,
    graphql::{
        billing::InvoiceLine,
        fields::Fields,
        page::{Asked, Listed, Window, connection},
        payload::{Outcome, payload},
        scalar::{Date, DateTime, Money, Url},
        scope::{Scope, scope},
        user_error::{Dispatched, UserError, sort_out},
    },
    saas_desk,
};

const LIST: &str = "saasInvoices";

/// Where a bill of the platform stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "StatementState", name = "SaasInvoiceStatus")]
pub(crate) enum SaasInvoiceStatus {
    /// Asks for money.
    Open,
    /// Past its due date.
    Overdue,
    /// Nothing is asked for any more.
    Settled,
    /// The platform took it back.
    Withdrawn,
}

/// A bill of the platform.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasInvoice {
    /// Opaque.
    pub(in crate::graphql) id: ID,
    /// As printed.
    number: String,
    /// Where it stands.
    status: SaasInvoiceStatus,
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
    settled_at: Option<DateTime>,
    /// When the platform took it back.
    withdrawn_at: Option<DateTime>,
    /// When somebody last asked to pay it through the gateway.
    payment_requested_at: Option<DateTime>,
}

impl From<StatementRow> for SaasInvoice {
    fn from(row: StatementRow) -> Self {
        let last = row.period.until();
        Self {
            id: row.invoice.to_string().into(),
            number: row.number.into(),
            status: row.state.into(),
            period_from_on: Date(row.period.from()),
            period_until_on: Date(last.pred_opt().unwrap_or(last)),
            lines: row.lines.into_iter().map(InvoiceLine::from).collect(),
            total: row.total.into(),
            outstanding: row.outstanding.into(),
            due_on: Date(row.due_on),
            issued_at: DateTime(row.issued_at),
            overdue_at: row.overdue_at.map(DateTime),
            settled_at: row.settled_at.map(DateTime),
            withdrawn_at: row.withdrawn_at.map(DateTime),
            payment_requested_at: row.requested_at.map(DateTime),
        }
    }
}

impl SaasInvoice {
    pub(in crate::graphql) async fn load(
        scope: &Scope,
        invoice: InvoiceId,
    ) -> Result<Option<Self>, ApiError> {
        scope.require(permission::TENANT_BILLING).await?;
        let mut tx = scope.read(&[StatementListProjector::NAME]).await?;
        let row = statement_list::by_id(&mut tx, invoice).await?;
        tx.commit().await?;
        Ok(row.map(Self::from))
    }
}

/// A way to pay the platform.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasPaymentChannel {
    /// The gateway's code, for `saasInvoicePay`.
    code: String,
    /// As people know it.
    name: String,
}

/// How the platform can be paid.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasPaymentOptions {
    /// Through its gateway; none while only transfers are taken.
    channels: Vec<SaasPaymentChannel>,
}

/// How a bill of the platform can be paid now.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasCheckout {
    /// Opaque.
    id: ID,
    /// What is paid on the bill.
    amount: Money,
    /// What the payer is asked for, with payer-borne fees.
    payer_amount: Money,
    /// The gateway's channel code.
    channel: String,
    /// The gateway's page, if it has one.
    pay_url: Option<Url>,
    /// Virtual account number or retail code.
    pay_code: Option<String>,
    /// QRIS payload to render.
    qr_string: Option<String>,
    /// Until when it can be paid.
    expires_at: DateTime,
}

impl SaasCheckout {
    /// From its own stream: always as new as the last command.
    async fn load(scope: &Scope, attempt: AttemptId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::TENANT_BILLING).await?;
        let own = saas_desk::attempt(scope.state().store(), scope.tenant(), attempt).await?;
        Ok(own.map(|own| {
            let checkout = own.checkout.as_ref();
            Self {
                id: attempt.to_string().into(),
                amount: own.plan.amount.into(),
                payer_amount: own.plan.expected_payer_amount.into(),
                channel: own.plan.channel.clone(),
                pay_url: checkout.and_then(|checkout| checkout.pay_url.clone()).map(Url),
                pay_code: checkout.and_then(|checkout| checkout.pay_code.clone()),
                qr_string: checkout.and_then(|checkout| checkout.qr_string.clone()),
                expires_at: DateTime(own.plan.expires_at),
            }
        }))
    }
}

/// Questions about what the platform asks for.
#[derive(Debug, Default)]
pub(crate) struct SaasQuery;

#[Object]
impl SaasQuery {
    /// One bill of the platform; null when there is none.
    /// Permission: tenant.billing
    async fn saas_invoice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the bill.")] id: ID,
    ) -> Result<Option<SaasInvoice>> {
        let scope = scope(context)?;
        scope.require(permission::TENANT_BILLING).await?;
        match id.parse() {
            Ok(id) => Ok(SaasInvoice::load(scope, id).await?),
            Err(_) => Ok(None),
        }
    }

    /// Bills of the platform, newest first; at most 100 a page.
    /// Permission: tenant.billing
    async fn saas_invoices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "Only bills in this status.")] status: Option<SaasInvoiceStatus>,
    ) -> Result<Listed<SaasInvoice>> {
        let scope = scope(context)?;
        scope.require(permission::TENANT_BILLING).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let mut tx = scope.read(&[StatementListProjector::NAME]).await?;
        let slice = statement_list::list(&mut tx, status.map(Into::into), asked.page()?)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection(&asked, slice, SaasInvoice::from))
    }

    /// How the platform can be paid.
    /// Permission: tenant.billing
    async fn saas_payment_options(&self, context: &Context<'_>) -> Result<SaasPaymentOptions> {
        let scope = scope(context)?;
        scope.require(permission::TENANT_BILLING).await?;
        let channels = saas_desk::channels(&scope.state().till()).await?;
        let channels = channels.into_iter().map(|channel| SaasPaymentChannel {
            code: channel.code,
            name: channel.name,
        });
        Ok(SaasPaymentOptions {
            channels: channels.collect(),
        })
    }
}

/// Which bill, and how.
#[derive(Debug, InputObject)]
pub(crate) struct SaasInvoicePayInput {
    /// What is to be paid.
    id: ID,
    /// One of `saasPaymentOptions`.
    channel: String,
    /// Where the payer's browser goes afterwards.
    return_url: Option<String>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

payload! {
    /// What `saasInvoicePay` answers.
    SaasInvoicePayPayload { checkout: SaasCheckout = AttemptId }
}

fn outcome(started: Started) -> Result<Outcome<AttemptId>, ApiError> {
    let refused = |error| Ok(Outcome::refused(vec![error]));
    match started {
        Started::Attempt(attempt, _) => Ok(Outcome::accepted(attempt, None)),
        Started::Refused(error) => match sort_out::<(), _>(Err(error), "attempt")? {
            Dispatched::Refused(errors) => Ok(Outcome::refused(errors)),
            Dispatched::Accepted(_) => Err(ApiError::internal()),
        },
        Started::NoInvoice => refused(UserError::not_found("id", "invoice")),
        Started::NoGateway => refused(UserError::coded(
            Code::UpstreamUnavailable,
            "channel",
            "the platform takes transfers only",
        )),
        Started::NoChannel => refused(UserError::invalid(
            "channel",
            "offered",
            "the gateway does not offer this channel",
        )),
        Started::Upstream(text, _) => refused(UserError::coded(Code::UpstreamUnavailable, "channel", &text)),
    }
}

/// Commands about what the platform asks for.
#[derive(Debug, Default)]
pub(crate) struct SaasMutation;

#[Object]
impl SaasMutation {
    /// Opens a checkout for a bill of the platform. Allowed while the panel is locked.
    /// Permission: tenant.billing
    async fn saas_invoice_pay(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SaasInvoicePayInput,
    ) -> Result<SaasInvoicePayPayload> {
        let scope = scope(context)?;
        scope.require(RequestBillPayment::ACCESS.permission).await?;
        let mut fields = Fields::default();
        let invoice = fields.id("id", "invoice", &input.id);
        fields.key(&input.idempotency_key);
        let request = match fields.done(invoice) {
            Ok(invoice) => RequestBillPayment {
                invoice,
                channel: input.channel.clone(),
            },
            Err(errors) => return Ok(Outcome::refused(errors).into()),
        };
        let frame = scope.frame(RequestBillPayment::NAME, Some(&input.idempotency_key));
        let asked = scope.state().bus.dispatch(frame.clone(), request).await;
        let asked = match sort_out(asked, "invoice")? {
            Dispatched::Accepted(receipt) => receipt,
            Dispatched::Refused(errors) => return Ok(Outcome::refused(errors).into()),
        };
        scope.remember(asked.token);
        let paying = saas_desk::pay(
            scope.state().till(),
            frame,
            asked.answer,
            input.channel,
            input.return_url,
        );
        let started = scope.state().detached(paying).await?;
        let outcome = outcome(started)?;
        Ok(Outcome {
            token: asked.token,
            ..outcome
        }
        .into())
    }
}
