//! Starting a payment: plan the attempt, ask the gateway outside of any transaction, record what it said.
//!
//! The plan is written first, so that money for an order that the gateway made and did not confirm still finds its
//! attempt. The whole runs to its end even if the client goes away; if the process goes away, the attempt's timer has the
//! [`Till`] look after it.

use simpul_app::billing::{OpenCheckout, OpenOwnCheckout, PlannedCharge};
use simpul_domain::{
    AttemptId, CustomerId, GatewayId, InvoiceId, Rupiah,
    billing::{Invoice, gateway::FeePart},
};
use simpul_event_store::{
    ConsistencyToken, Context, DispatchError, Receipt,
    crash::{self, Point},
};

use crate::{
    ApiError,
    gateways::OpenGateway,
    till::{Answered, Till},
};

/// What is to be paid, and how.
#[derive(Debug)]
pub(crate) struct Checkout {
    pub(crate) till: Till,
    /// The viewer's frame, with the idempotency key.
    pub(crate) frame: Context,
    /// The product's own frame, for recording what the gateway said.
    pub(crate) internal: Context,
    /// The customer who pays by themselves, and only what they owe.
    pub(crate) payer: Option<CustomerId>,
    pub(crate) invoice: InvoiceId,
    pub(crate) gateway: GatewayId,
    pub(crate) channel: String,
    pub(crate) return_url: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Started {
    Attempt(AttemptId, Option<ConsistencyToken>),
    /// The bus refused the plan; nothing was written.
    Refused(DispatchError<simpul_app::Refusal>),
    NoInvoice,
    NoGateway,
    NoChannel,
    /// The gateway refused or did not answer. The token is that of the record, if there is one.
    Upstream(String, Option<ConsistencyToken>),
}

impl Checkout {
    pub(crate) async fn run(self) -> Result<Started, ApiError> {
        let tenant = self.frame.tenant;
        let store = self.till.bus.store();
        let (invoice, _) = store.load::<Invoice>(tenant, &self.invoice.to_string()).await?;
        let owed_by = invoice.customer();
        if owed_by.is_none() || (self.payer.is_some() && owed_by != self.payer) {
            return Ok(Started::NoInvoice);
        }
        let Some(gateway) = self.till.gateways.open(tenant, self.gateway).await? else {
            return Ok(Started::NoGateway);
        };
        let channels = match gateway.client.channels().await {
            Ok(channels) => channels,
            Err(error) => return Ok(Started::Upstream(error.to_string(), None)),
        };
        let mut offered = channels.into_iter().filter(|channel| channel.active);
        let Some(channel) = offered.find(|channel| channel.code == self.channel) else {
            return Ok(Started::NoChannel);
        };
        let fee = |part| fee(part, invoice.outstanding()).ok_or_else(ApiError::internal);
        let open = OpenCheckout {
            invoice: self.invoice,
            gateway: self.gateway,
            channel: self.channel.clone(),
            payer_fee: fee(channel.payer_fee)?,
            merchant_fee: fee(channel.merchant_fee)?,
        };
        let (bus, frame) = (&self.till.bus, self.frame.clone());
        let planned = match self.payer {
            None => bus.dispatch(frame, open).await,
            Some(customer) => {
                let checkout = open;
                bus.dispatch(frame, OpenOwnCheckout { customer, checkout }).await
            }
        };
        let planned = match planned {
            Ok(planned) => planned,
            Err(error) => return Ok(Started::Refused(error)),
        };
        if planned.repeated {
            return Ok(Started::Attempt(planned.answer.attempt, planned.token));
        }
        self.ask(&gateway, planned).await
    }

    async fn ask(&self, gateway: &OpenGateway, planned: Receipt<PlannedCharge>) -> Result<Started, ApiError> {
        crash::point(Point::AttemptPlanned);
        let (plan, return_url) = (&planned.answer, self.return_url.clone());
        let charge = self
            .till
            .charge(self.frame.tenant, gateway, plan, &self.channel, return_url)
            .await?;
        let answered = self
            .till
            .ask(&self.internal, gateway, plan.attempt, &charge)
            .await?;
        Ok(match answered {
            Answered::Opened(token) => Started::Attempt(plan.attempt, token.or(planned.token)),
            Answered::NotOpened(error, token) => {
                Started::Upstream(error.to_string(), token.or(planned.token))
            }
        })
    }
}

/// A fixed part and a share, rounded up to whole rupiah.
pub(crate) fn fee(part: FeePart, amount: Rupiah) -> Option<Rupiah> {
    let share = i128::from(amount.get()) * i128::from(part.basis_points);
    let share = i64::try_from((share + 9_999) / 10_000).ok()?;
    part.fixed.add(Rupiah::try_new(share).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_its_fixed_part_and_its_share_rounded_up() {
        let rupiah = |amount| Rupiah::try_new(amount).expect("amount");
        let part = FeePart {
            fixed: rupiah(750),
            basis_points: 70,
        };
        assert_eq!(fee(part, rupiah(150_000)), Some(rupiah(1_800)));
        assert_eq!(fee(part, rupiah(1)), Some(rupiah(751)));
        assert_eq!(fee(FeePart::default(), rupiah(150_000)), Some(Rupiah::ZERO));
    }
}
