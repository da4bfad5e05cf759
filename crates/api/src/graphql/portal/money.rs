//! What a customer paid, and paying.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::billing::OpenOwnCheckout;
use simpul_domain::{AttemptId, PaymentId};
use simpul_event_store::{Command as _, feed::Projector as _};
use simpul_projections::billing::{
    attempt_list::{self, AttemptRow},
    invoice_list::InvoiceListProjector,
    money::{self, MoneyProjector, PaymentRow},
};

use super::bills::Invoice;
use crate::{
    ApiError,
    checkout::Checkout,
    graphql::{
        billing::{PaymentAttemptStatus, outcome},
        fields::Fields,
        live::{State, states::state},
        page::{Asked, Listed, Window, connection},
        payload::{Outcome, payload},
        scalar::{DateTime, Money, Url},
        scope::{Scope, scope},
        user_error::UserError,
    },
    offer,
};

const LIST: &str = "own-payments";

/// Money that the customer paid.
#[derive(Debug, SimpleObject)]
pub(crate) struct Payment {
    /// Opaque.
    pub(crate) id: ID,
    /// The gateway's own reference.
    provider_ref: String,
    /// What was paid, with fees on top.
    gross: Money,
    /// What is booked.
    amount: Money,
    /// Put on bills.
    allocated: Money,
    /// Kept as credit.
    credited: Money,
    /// Given back.
    refunded: Money,
    /// When it was paid.
    paid_at: DateTime,
}

impl From<PaymentRow> for Payment {
    fn from(row: PaymentRow) -> Self {
        Self {
            id: row.payment.to_string().into(),
            provider_ref: row.provider_ref,
            gross: row.gross.into(),
            amount: row.amount.into(),
            allocated: row.allocated.into(),
            credited: row.credited.into(),
            refunded: row.refunded.into(),
            paid_at: DateTime(row.paid_at),
        }
    }
}

impl Payment {
    pub(super) async fn load(scope: &Scope, id: PaymentId) -> Result<Option<Self>, ApiError> {
        let customer = scope.customer().await?;
        let mut tx = scope.read(&[MoneyProjector::NAME]).await?;
        let row = money::of_customer(&mut tx, customer, id).await?;
        tx.commit().await?;
        Ok(row.map(Self::from))
    }
}

/// One attempt to pay a bill through a gateway.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct PaymentAttempt {
    #[graphql(skip)]
    row: AttemptRow,
    /// Opaque.
    pub(super) id: ID,
    /// Where it stands.
    status: PaymentAttemptStatus,
    /// The gateway's channel code.
    channel: String,
    /// What is asked for, with fees on top.
    payer_amount: Money,
    /// The gateway's page, if it has one.
    pay_url: Option<Url>,
    /// Virtual account number or retail code.
    pay_code: Option<String>,
    /// QRIS payload to render.
    qr_string: Option<String>,
    /// Until when it can be paid.
    expires_at: DateTime,
}

impl From<AttemptRow> for PaymentAttempt {
    fn from(row: AttemptRow) -> Self {
        let checkout = row.checkout.as_ref();
        Self {
            id: row.attempt.to_string().into(),
            status: row.status.into(),
            channel: row.channel.clone(),
            payer_amount: row.expected_payer_amount.into(),
            pay_url: checkout.and_then(|checkout| checkout.pay_url.clone()).map(Url),
            pay_code: checkout.and_then(|checkout| checkout.pay_code.clone()),
            qr_string: checkout.and_then(|checkout| checkout.qr_string.clone()),
            expires_at: DateTime(row.expires_at),
            row,
        }
    }
}

#[ComplexObject]
impl PaymentAttempt {
    /// What is to be paid.
    /// Permission: portal.customer
    async fn invoice(&self, context: &Context<'_>) -> Result<Option<Invoice>> {
        Ok(Invoice::load(scope(context)?, self.row.invoice).await?)
    }
}

impl PaymentAttempt {
    pub(super) async fn load(scope: &Scope, attempt: AttemptId) -> Result<Option<Self>, ApiError> {
        let customer = scope.customer().await?;
        let mut tx = scope.read(&[InvoiceListProjector::NAME]).await?;
        let row = attempt_list::by_ids(&mut tx, &[attempt]).await?.pop();
        tx.commit().await?;
        Ok(row.filter(|row| row.customer == customer).map(Self::from))
    }
}

impl State for PaymentAttempt {
    type Id = AttemptId;

    async fn admit(scope: &Scope) -> Result<(), ApiError> {
        scope.customer().await.map(drop)
    }

    async fn load(scope: &Arc<Scope>, id: AttemptId) -> Result<Option<Self>, ApiError> {
        Self::load(scope, id).await
    }
}

state! {
    /// One of the customer's attempts to pay now, then after each change, at most once a second: whether the money came.
    /// Permission: portal.customer
    AttemptStates::payment_attempt_state("Of the attempt.") of PaymentAttempt
}

/// Which bill, and how.
#[derive(Debug, InputObject)]
pub(crate) struct PaymentStartInput {
    /// What is to be paid.
    invoice_id: ID,
    /// Through which account of the provider.
    gateway_id: ID,
    /// The gateway's channel code, such as `BRIVA`.
    channel: String,
    /// Where the browser goes afterwards.
    return_url: Option<String>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

payload! {
    /// What `paymentStart` answers.
    PaymentStartPayload { attempt: PaymentAttempt = AttemptId }
}

/// Questions about money.
#[derive(Debug, Default)]
pub(crate) struct MoneyQuery;

#[Object]
impl MoneyQuery {
    /// What the customer paid, newest first; at most 100 a page.
    /// Permission: portal.customer
    async fn payments(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<Listed<Payment>> {
        let scope = scope(context)?;
        let customer = scope.customer().await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let mut tx = scope.read(&[MoneyProjector::NAME]).await?;
        let slice = money::list(&mut tx, Some(customer), asked.page()?)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection(&asked, slice, Payment::from))
    }
}

/// Commands about money.
#[derive(Debug, Default)]
pub(crate) struct MoneyMutation;

#[Object]
impl MoneyMutation {
    /// Plans an attempt to pay one of the customer's bills and opens a checkout at the gateway.
    /// Permission: portal.customer
    async fn payment_start(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: PaymentStartInput,
    ) -> Result<PaymentStartPayload> {
        let scope = scope(context)?;
        let payer = scope.customer().await?;
        let mut fields = Fields::default();
        let invoice = fields.id("invoiceId", "invoice", &input.invoice_id);
        let gateway = fields.id("gatewayId", "gateway", &input.gateway_id);
        fields.key(&input.idempotency_key);
        let (invoice, gateway) = match fields.done(invoice.zip(gateway)) {
            Ok(ids) => ids,
            Err(errors) => return Ok(Outcome::refused(errors).into()),
        };
        if !offer::is_offered(scope.state().store(), scope.tenant(), gateway).await? {
            let errors = vec![UserError::not_found("gatewayId", "gateway")];
            return Ok(Outcome::refused(errors).into());
        }
        let checkout = Checkout {
            till: scope.state().till(),
            frame: scope.frame(OpenOwnCheckout::NAME, Some(&input.idempotency_key)),
            internal: scope.internal_frame("checkout"),
            payer: Some(payer),
            invoice,
            gateway,
            channel: input.channel,
            return_url: input.return_url,
        };
        let started = scope.state().detached(checkout.run()).await?;
        Ok(outcome(scope, started)?.into())
    }
}
