//! How a customer can pay a bill, and what it costs.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use simpul_domain::billing::gateway::ChannelGroup;
use simpul_event_store::feed::Projector as _;
use simpul_projections::billing::invoice_list::{self, InvoiceListProjector};

use crate::{
    ApiError,
    graphql::{scalar::Money, scope::scope},
    offer::{self, Way},
};

/// How the money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ChannelGroup")]
pub(crate) enum PaymentMethodGroup {
    /// A bank's virtual account.
    VirtualAccount,
    /// At the counter of a shop.
    Retail,
    /// A wallet on the phone.
    EWallet,
    /// A QRIS code; the payer bears no fee.
    Qris,
    /// A card.
    Card,
    /// Something else.
    Other,
}

/// A way to pay a bill, for `paymentStart`.
#[derive(Debug, SimpleObject)]
pub(crate) struct PaymentMethod {
    /// Through which account of the provider.
    gateway_id: ID,
    /// The gateway's channel code.
    channel: String,
    /// As people know it.
    name: String,
    /// How the money moves.
    group: PaymentMethodGroup,
    /// What the customer bears on top of the bill.
    payer_fee: Money,
    /// What the customer will be asked for.
    payer_amount: Money,
}

impl From<Way> for PaymentMethod {
    fn from(way: Way) -> Self {
        Self {
            gateway_id: way.gateway.to_string().into(),
            channel: way.channel,
            name: way.name,
            group: way.group.into(),
            payer_fee: way.payer_fee.into(),
            payer_amount: way.payer_amount.into(),
        }
    }
}

/// How a bill can be paid.
#[derive(Debug, SimpleObject)]
pub(crate) struct PaymentOptions {
    /// What the provider's gateways offer now; none for a bill that asks for nothing.
    methods: Vec<PaymentMethod>,
}

/// Questions about ways to pay.
#[derive(Debug, Default)]
pub(crate) struct WaysQuery;

#[Object]
impl WaysQuery {
    /// How one of the customer's bills can be paid now, with the fee of each way; null when there is no such bill.
    /// Permission: portal.customer
    async fn payment_options(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the bill.")] invoice_id: ID,
    ) -> Result<Option<PaymentOptions>> {
        let scope = scope(context)?;
        let customer = scope.customer().await?;
        let Ok(invoice) = invoice_id.parse() else {
            return Ok(None);
        };
        let mut tx = scope.read(&[InvoiceListProjector::NAME]).await?;
        let own = invoice_list::of_customer(&mut tx, customer, invoice)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        if own.is_none() {
            return Ok(None);
        }
        let (till, tenant) = (scope.state().till(), scope.tenant());
        let ways = scope
            .state()
            .detached(async move { offer::ways(&till, tenant, invoice).await })
            .await?;
        let methods = ways.into_iter().map(PaymentMethod::from).collect();
        Ok(Some(PaymentOptions { methods }))
    }
}
