//! Starting a payment: plan the attempt, ask the gateway outside of any transaction, record what it said.
//!
//! The plan is written first, so that money for an order that the gateway made and did not confirm still finds its
//! attempt. The whole runs to its end even if the client goes away.

use secrecy::ExposeSecret as _;
use simpul_app::billing::{OpenCheckout, PlannedCharge, RecordCheckout, RecordCreateFailed};
use simpul_domain::{
    AttemptId, Code, CommandId, CustomerId, GatewayId, InvoiceId, Rupiah,
    billing::{
        Invoice,
        attempt::CreateFailure,
        gateway::{Charge, ChargeLine, FeePart, GatewayError, Payer},
    },
};
use simpul_event_store::{
    Command, ConsistencyToken, Context, DispatchError, Receipt,
    feed::{Projector as _, read_at},
};
use simpul_projections::customers::customer_list::{self, CustomerListProjector};

use crate::{ApiError, ApiState, gateways::OpenGateway};

/// What is to be paid, and how.
#[derive(Debug)]
pub(crate) struct Checkout {
    pub(crate) state: ApiState,
    /// The viewer's frame, with the idempotency key.
    pub(crate) frame: Context,
    /// The product's own frame, for recording what the gateway said.
    pub(crate) internal: Context,
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
        let store = self.state.store();
        let (invoice, _) = store.load::<Invoice>(tenant, &self.invoice.to_string()).await?;
        if invoice.customer().is_none() {
            return Ok(Started::NoInvoice);
        }
        let Some(gateway) = self.state.gateways.open(tenant, self.gateway).await? else {
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
        let planned = match self.state.bus.dispatch(self.frame.clone(), open).await {
            Ok(planned) => planned,
            Err(error) => return Ok(Started::Refused(error)),
        };
        if planned.repeated {
            return Ok(Started::Attempt(planned.answer.attempt, planned.token));
        }
        self.ask(&gateway, planned).await
    }

    async fn ask(&self, gateway: &OpenGateway, planned: Receipt<PlannedCharge>) -> Result<Started, ApiError> {
        let attempt = planned.answer.attempt;
        let charge = self.charge(gateway, &planned.answer).await?;
        match gateway.client.create(&charge).await {
            Ok(checkout) => {
                let token = self.record(attempt, RecordCheckout { attempt, checkout }).await?;
                Ok(Started::Attempt(attempt, token.or(planned.token)))
            }
            Err(error) => {
                tracing::warn!(attempt.id = %attempt, %error, "a gateway did not open a checkout");
                let failure = failure(&error);
                let record = RecordCreateFailed { attempt, failure };
                let token = self.record(attempt, record).await?;
                Ok(Started::Upstream(error.to_string(), token.or(planned.token)))
            }
        }
    }

    async fn record<C: Command>(
        &self,
        attempt: AttemptId,
        command: C,
    ) -> Result<Option<ConsistencyToken>, ApiError> {
        let frame = Context {
            command_id: CommandId::derive(attempt.as_uuid(), C::NAME),
            ..self.internal.clone()
        };
        let recorded = self.state.bus.dispatch(frame, command).await;
        let receipt = recorded.map_err(|error| ApiError::from_coded(&error))?;
        Ok(receipt.token)
    }

    async fn charge(&self, gateway: &OpenGateway, planned: &PlannedCharge) -> Result<Charge, ApiError> {
        let callback = self.state.public_url.join(&gateway.hook_path);
        Ok(Charge {
            merchant_ref: planned.merchant_ref.clone(),
            channel: self.channel.clone(),
            amount: planned.amount,
            expected_payer_amount: planned.expected_payer_amount,
            lines: vec![ChargeLine {
                sku: planned.invoice.to_string(),
                name: "Tagihan internet".to_owned(),
                price: planned.amount,
                quantity: 1,
            }],
            payer: self.payer(planned.customer, &gateway.fallback_email).await?,
            expires_at: planned.expires_at,
            callback_url: callback.map_err(|_| ApiError::internal())?.into(),
            return_url: self.return_url.clone(),
        })
    }

    async fn payer(&self, customer: CustomerId, fallback_email: &str) -> Result<Payer, ApiError> {
        let store = self.state.store();
        let mut tx = read_at(store, self.frame.tenant, &[CustomerListProjector::NAME], None).await?;
        let personal = match customer_list::by_ids(&mut tx, &[customer]).await?.pop() {
            Some(row) => customer_list::open(&mut tx, store.vault(), &row).await?,
            None => None,
        };
        tx.commit().await?;
        let Some(personal) = personal else {
            return Err(ApiError::new(
                Code::NotAllowedInState,
                "The customer's data is not there (any more)",
            ));
        };
        let email = personal
            .email
            .as_ref()
            .map(|email| email.expose_secret().to_owned());
        Ok(Payer {
            name: personal.name.expose_secret().to_owned(),
            email: email.unwrap_or_else(|| fallback_email.to_owned()),
            phone: Some(personal.phone.expose_secret().trim_start_matches('+').to_owned()),
        })
    }
}

/// A fixed part and a share, rounded up to whole rupiah.
fn fee(part: FeePart, amount: Rupiah) -> Option<Rupiah> {
    let share = i128::from(amount.get()) * i128::from(part.basis_points);
    let share = i64::try_from((share + 9_999) / 10_000).ok()?;
    part.fixed.add(Rupiah::try_new(share).ok()?).ok()
}

fn failure(error: &GatewayError) -> CreateFailure {
    match error {
        GatewayError::OutcomeUnknown | GatewayError::Malformed { .. } => CreateFailure::OutcomeUnknown,
        GatewayError::Unavailable
        | GatewayError::Credentials { .. }
        | GatewayError::Rejected { .. }
        | GatewayError::NotFound
        | GatewayError::RateLimited => CreateFailure::Refused {
            reason: error.to_string(),
        },
    }
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
