//! Attempts to pay through a gateway.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{billing::OpenCheckout, permission};
use simpul_domain::{AttemptId, Code, billing::attempt::AttemptStatus as DomainStatus};
use simpul_event_store::Command as _;
use simpul_projections::billing::attempt_list::AttemptRow;

use super::Invoice;
use crate::{
    ApiError,
    checkout::{Checkout, Started},
    graphql::{
        batch,
        fields::Fields,
        payload::{Outcome, payload},
        scalar::{DateTime, Money, Url},
        scope::{Scope, scope},
        user_error::{Dispatched, UserError, sort_out},
    },
};

/// Where an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum PaymentAttemptStatus {
    /// The gateway has not been asked, or has not answered.
    Created,
    /// The gateway did not open a checkout.
    CreateFailed,
    /// The payer can pay.
    Pending,
    /// The gateway says that it failed.
    Failed,
    /// The gateway says that it was denied.
    Denied,
    /// The payer did not pay in time.
    Expired,
    /// It was cancelled.
    Cancelled,
    /// The money is confirmed.
    Paid,
    /// A part was given back.
    PartiallyRefunded,
    /// All was given back.
    Refunded,
    /// The payer's bank took it back.
    ChargedBack,
    /// It was confirmed and taken back within the gateway's window.
    Reversed,
}

impl From<DomainStatus> for PaymentAttemptStatus {
    fn from(status: DomainStatus) -> Self {
        match status {
            // INVARIANT: a row exists from the creation on.
            DomainStatus::Absent | DomainStatus::Created => Self::Created,
            DomainStatus::CreateFailed => Self::CreateFailed,
            DomainStatus::Pending => Self::Pending,
            DomainStatus::Failed => Self::Failed,
            DomainStatus::Denied => Self::Denied,
            DomainStatus::Expired => Self::Expired,
            DomainStatus::Cancelled => Self::Cancelled,
            DomainStatus::Paid => Self::Paid,
            DomainStatus::PartiallyRefunded => Self::PartiallyRefunded,
            DomainStatus::Refunded => Self::Refunded,
            DomainStatus::ChargedBack => Self::ChargedBack,
            DomainStatus::Reversed => Self::Reversed,
        }
    }
}

/// One attempt to pay a bill through a gateway.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct PaymentAttempt {
    #[graphql(skip)]
    row: AttemptRow,
    /// Opaque.
    pub(in crate::graphql) id: ID,
    /// Where it stands.
    status: PaymentAttemptStatus,
    /// How the gateway names it.
    merchant_ref: String,
    /// The gateway's channel code.
    channel: String,
    /// What the bill needs.
    amount: Money,
    /// What the payer is asked for, with payer-borne fees.
    payer_amount: Money,
    /// The gateway's page, if it has one.
    pay_url: Option<Url>,
    /// Virtual account number or retail code.
    pay_code: Option<String>,
    /// QRIS payload to render.
    qr_string: Option<String>,
    /// Until when the payer can pay.
    expires_at: DateTime,
    /// When it was planned.
    created_at: DateTime,
    /// When the payer paid.
    paid_at: Option<DateTime>,
}

impl From<AttemptRow> for PaymentAttempt {
    fn from(row: AttemptRow) -> Self {
        let checkout = row.checkout.as_ref();
        Self {
            id: row.attempt.to_string().into(),
            status: row.status.into(),
            merchant_ref: row.merchant_ref.as_str().to_owned(),
            channel: row.channel.clone(),
            amount: row.amount.into(),
            payer_amount: row.expected_payer_amount.into(),
            pay_url: checkout.and_then(|checkout| checkout.pay_url.clone()).map(Url),
            pay_code: checkout.and_then(|checkout| checkout.pay_code.clone()),
            qr_string: checkout.and_then(|checkout| checkout.qr_string.clone()),
            expires_at: DateTime(row.expires_at),
            created_at: DateTime(row.created_at),
            paid_at: row.paid_at.map(DateTime),
            row,
        }
    }
}

#[ComplexObject]
impl PaymentAttempt {
    /// What is to be paid.
    async fn invoice(&self, context: &Context<'_>) -> Result<Option<Invoice>> {
        Ok(Invoice::load(scope(context)?, self.row.invoice).await?)
    }
}

impl PaymentAttempt {
    pub(in crate::graphql) async fn load(
        scope: &Arc<Scope>,
        attempt: AttemptId,
    ) -> Result<Option<Self>, ApiError> {
        scope.require(permission::BILLING_READ).await?;
        let row: Option<AttemptRow> = batch::one(scope, attempt).await?;
        Ok(row.map(Self::from))
    }
}

/// Which bill, and how.
#[derive(Debug, InputObject)]
pub(crate) struct PaymentStartInput {
    /// What is to be paid.
    invoice_id: ID,
    /// Through which account.
    gateway_id: ID,
    /// The gateway's channel code, such as `BRIVA`.
    channel: String,
    /// Where the payer's browser goes afterwards.
    return_url: Option<String>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

payload! {
    /// What `paymentStart` answers.
    PaymentStartPayload { attempt: PaymentAttempt = AttemptId }
}

pub(in crate::graphql) fn outcome(scope: &Scope, started: Started) -> Result<Outcome<AttemptId>, ApiError> {
    let refused = |error| Ok(Outcome::refused(vec![error]));
    match started {
        Started::Attempt(attempt, token) => {
            scope.remember(token);
            Ok(Outcome::accepted(attempt, token))
        }
        Started::Refused(error) => match sort_out::<(), _>(Err(error), "attempt")? {
            Dispatched::Refused(errors) => Ok(Outcome::refused(errors)),
            Dispatched::Accepted(_) => Err(ApiError::internal()),
        },
        Started::NoInvoice => refused(UserError::not_found("invoiceId", "invoice")),
        Started::NoGateway => refused(UserError::not_found("gatewayId", "gateway")),
        Started::NoChannel => refused(UserError::invalid(
            "channel",
            "offered",
            "the gateway does not offer this channel",
        )),
        Started::Upstream(text, token) => {
            scope.remember(token);
            let error = UserError::coded(Code::UpstreamUnavailable, "channel", &text);
            Ok(Outcome {
                token,
                ..Outcome::refused(vec![error])
            })
        }
    }
}

/// Commands about money.
#[derive(Debug, Default)]
pub(crate) struct PaymentsMutation;

#[Object]
impl PaymentsMutation {
    /// Plans an attempt to pay a bill and opens a checkout at the gateway. When the gateway does not answer, the
    /// attempt is kept: money that arrives nevertheless is booked.
    /// Permission: billing.write
    async fn payment_start(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: PaymentStartInput,
    ) -> Result<PaymentStartPayload> {
        let scope = scope(context)?;
        scope.require(OpenCheckout::ACCESS.permission).await?;
        let mut fields = Fields::default();
        let invoice = fields.id("invoiceId", "invoice", &input.invoice_id);
        let gateway = fields.id("gatewayId", "gateway", &input.gateway_id);
        fields.key(&input.idempotency_key);
        let (invoice, gateway) = match fields.done(invoice.zip(gateway)) {
            Ok(ids) => ids,
            Err(errors) => return Ok(Outcome::refused(errors).into()),
        };
        let checkout = Checkout {
            till: scope.state().till(),
            frame: scope.frame(OpenCheckout::NAME, Some(&input.idempotency_key)),
            internal: scope.internal_frame("checkout"),
            payer: None,
            invoice,
            gateway,
            channel: input.channel,
            return_url: input.return_url,
        };
        let started = scope.state().detached(checkout.run()).await?;
        Ok(outcome(scope, started)?.into())
    }
}
