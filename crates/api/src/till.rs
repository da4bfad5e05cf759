//! Asking gateways for checkouts: for a payer who waits, and again for an attempt that a dead process left behind.
//!
//! INVARIANT: one attempt is asked for by one process at a time, which holds the attempt's timer; another one looks the
//! order up by its reference before it asks anew, so that one attempt has one thing to pay.

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use simpul_app::billing::{PlannedCharge, RecordCheckout, RecordCreateFailed};
use simpul_domain::{
    AttemptId, Code, CommandId, InvoiceId, TenantId,
    billing::{
        Attempt, Invoice,
        attempt::{AttemptCreated, AttemptStatus, CreateFailure},
        gateway::{Charge, ChargeLine, Checkout, GatewayError, Payer},
        invoice::Billed,
    },
    saas::Tab,
};
use simpul_event_store::{
    Bus, Command, ConsistencyToken, Context,
    crash::{self, Point},
    feed::{Projector as _, read_at},
};
use simpul_projections::customers::customer_list::{self, CustomerListProjector};
use url::Url;

use crate::{
    ApiError,
    gateways::{GatewayDirectory, OpenGateway},
};

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Till {
    pub bus: Bus,
    pub gateways: Arc<dyn GatewayDirectory>,
    /// Where gateways reach this server.
    pub public_url: Url,
}

/// What a gateway said about a checkout, recorded. The tokens are those of the records.
#[derive(Debug)]
pub(crate) enum Answered {
    Opened(Option<ConsistencyToken>),
    NotOpened(GatewayError, Option<ConsistencyToken>),
}

/// What came of looking after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookedAfter {
    Settled,
    /// The gateway is to be asked again later.
    Again(String),
}

impl Till {
    /// Asks the gateway and records what it says.
    pub(crate) async fn ask(
        &self,
        frame: &Context,
        gateway: &OpenGateway,
        attempt: AttemptId,
        charge: &Charge,
    ) -> Result<Answered, ApiError> {
        match gateway.client.create(charge).await {
            Ok(checkout) => {
                crash::point(Point::AttemptAsked);
                let token = self.opened(frame, attempt, checkout).await?;
                crash::point(Point::AttemptRecorded);
                Ok(Answered::Opened(token))
            }
            Err(error) => {
                tracing::warn!(attempt.id = %attempt, %error, "a gateway did not open a checkout");
                let failure = failure(&error);
                let token = self.not_opened(frame, attempt, failure).await?;
                Ok(Answered::NotOpened(error, token))
            }
        }
    }

    /// Settles an attempt whose asker has died, or was not answered. May be called any number of times.
    pub async fn look_after(&self, frame: &Context, attempt: AttemptId) -> Result<LookedAfter, ApiError> {
        let store = self.bus.store();
        let (state, _) = store.load::<Attempt>(frame.tenant, &attempt.to_string()).await?;
        let never_answered = match state.status() {
            AttemptStatus::Created => true,
            AttemptStatus::CreateFailed => false,
            _ => return Ok(LookedAfter::Settled),
        };
        let Some(plan) = state.plan() else {
            return Ok(LookedAfter::Settled);
        };
        let Some(gateway) = self.gateways.open(frame.tenant, plan.gateway).await? else {
            return self
                .give_up(frame, plan, "the gateway account is not connected any more")
                .await;
        };
        let charge = self
            .charge(frame.tenant, &gateway, &planned(plan), &plan.channel, None)
            .await?;
        match gateway.client.find(&charge).await {
            Ok(Some(checkout)) => {
                self.opened(frame, attempt, checkout).await?;
                Ok(LookedAfter::Settled)
            }
            // The payer was told that it failed, and the gateway has nothing to pay.
            Ok(None) if !never_answered => Ok(LookedAfter::Settled),
            Ok(None) if plan.expires_at <= store.now() => {
                self.give_up(frame, plan, "the gateway was not asked in time")
                    .await
            }
            Ok(None) => match self.ask(frame, &gateway, attempt, &charge).await? {
                Answered::NotOpened(
                    error @ (GatewayError::OutcomeUnknown | GatewayError::Malformed { .. }),
                    _,
                ) => Ok(LookedAfter::Again(error.to_string())),
                Answered::Opened(_) | Answered::NotOpened(..) => Ok(LookedAfter::Settled),
            },
            Err(error) if plan.expires_at <= store.now() => {
                self.give_up(frame, plan, &error.to_string()).await
            }
            Err(error) => Ok(LookedAfter::Again(error.to_string())),
        }
    }

    async fn give_up(
        &self,
        frame: &Context,
        plan: &AttemptCreated,
        reason: &str,
    ) -> Result<LookedAfter, ApiError> {
        let failure = CreateFailure::Refused {
            reason: reason.to_owned(),
        };
        self.not_opened(frame, plan.attempt, failure).await?;
        Ok(LookedAfter::Settled)
    }

    async fn opened(
        &self,
        frame: &Context,
        attempt: AttemptId,
        checkout: Checkout,
    ) -> Result<Option<ConsistencyToken>, ApiError> {
        // A second checkout is another fact, not a repetition.
        let key = checkout.provider_ref.clone();
        self.record(frame, attempt, &key, RecordCheckout { attempt, checkout })
            .await
    }

    async fn not_opened(
        &self,
        frame: &Context,
        attempt: AttemptId,
        failure: CreateFailure,
    ) -> Result<Option<ConsistencyToken>, ApiError> {
        self.record(frame, attempt, "", RecordCreateFailed { attempt, failure })
            .await
    }

    async fn record<C: Command>(
        &self,
        frame: &Context,
        attempt: AttemptId,
        key: &str,
        command: C,
    ) -> Result<Option<ConsistencyToken>, ApiError> {
        let frame = Context {
            command_id: CommandId::derive(attempt.as_uuid(), &format!("{}/{key}", C::NAME)),
            ..frame.clone()
        };
        let recorded = self.bus.dispatch(frame, command).await;
        let receipt = recorded.map_err(|error| ApiError::from_coded(&error))?;
        Ok(receipt.token)
    }

    /// What to ask of the gateway.
    pub(crate) async fn charge(
        &self,
        tenant: TenantId,
        gateway: &OpenGateway,
        planned: &PlannedCharge,
        channel: &str,
        return_url: Option<String>,
    ) -> Result<Charge, ApiError> {
        let callback = self.public_url.join(&gateway.hook_path);
        Ok(Charge {
            merchant_ref: planned.merchant_ref.clone(),
            channel: channel.to_owned(),
            amount: planned.amount,
            expected_payer_amount: planned.expected_payer_amount,
            lines: vec![ChargeLine {
                sku: planned.invoice.to_string(),
                name: if tenant == TenantId::PLATFORM {
                    "Langganan Simpul".to_owned()
                } else {
                    "Tagihan internet".to_owned()
                },
                price: planned.amount,
                quantity: 1,
            }],
            payer: self.payer(tenant, planned, &gateway.fallback_email).await?,
            expires_at: planned.expires_at,
            callback_url: callback.map_err(|_| ApiError::internal())?.into(),
            return_url,
        })
    }

    async fn payer(
        &self,
        tenant: TenantId,
        planned: &PlannedCharge,
        fallback_email: &str,
    ) -> Result<Payer, ApiError> {
        let store = self.bus.store();
        let mut tx = read_at(store, tenant, &[CustomerListProjector::NAME], None).await?;
        let personal = match customer_list::by_ids(&mut tx, &[planned.customer]).await?.pop() {
            Some(row) => customer_list::open_one(&mut tx, store.vault(), &row).await?,
            None => None,
        };
        tx.commit().await?;
        let Some(personal) = personal else {
            if let Some(name) = self.operator(tenant, planned.invoice).await? {
                return Ok(Payer {
                    name,
                    email: fallback_email.to_owned(),
                    phone: None,
                });
            }
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

impl Till {
    /// The name of the operator whose account a bill is for.
    async fn operator(&self, tenant: TenantId, invoice: InvoiceId) -> Result<Option<String>, ApiError> {
        let store = self.bus.store();
        let (invoice, _) = store.load::<Invoice>(tenant, &invoice.to_string()).await?;
        let Some(account) = invoice.billed().and_then(Billed::account) else {
            return Ok(None);
        };
        let (tab, _) = store.load::<Tab>(tenant, &account.to_string()).await?;
        Ok(tab.payer().map(|(_, name)| name.to_owned()))
    }
}

fn planned(plan: &AttemptCreated) -> PlannedCharge {
    PlannedCharge {
        attempt: plan.attempt,
        invoice: plan.invoice,
        customer: plan.customer,
        gateway: plan.gateway,
        merchant_ref: plan.merchant_ref.clone(),
        amount: plan.amount,
        expected_payer_amount: plan.expected_payer_amount,
        expires_at: plan.expires_at,
    }
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
