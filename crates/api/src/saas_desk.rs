//! The one door through which an operator reaches the platform's log: to pay a bill of its own, and for nothing else.
//!
//! Each command touches one log. The wish to pay is written down in the operator's, by the person who has it; the attempt
//! that follows is planned in the platform's by the product, with that wish as its cause. What is read over there is the
//! offer of the platform's gateway, which is everybody's, and attempts at bills of the operator's own account.

use simpul_app::{
    saas::{RequestedPayment, TERMS},
    stream,
};
use simpul_domain::{
    AttemptId, CommandId, GatewayId, InvoiceId, TenantId,
    billing::{
        Attempt, AttemptEvent, Invoice,
        attempt::AttemptCreated,
        gateway::{Channel, Checkout as Opened},
        invoice::Billed,
    },
    saas::{Terms, payer_id},
};
use simpul_event_store::{Actor, Cause, Context, EventStore};

use crate::{
    ApiError,
    checkout::{Checkout, Started},
    till::Till,
};

/// Name of the part of the product that acts over there.
const PART: &str = "saas.checkout";

/// An attempt at a bill of one's own, and what the gateway opened for it.
#[derive(Debug)]
pub(crate) struct OwnAttempt {
    pub(crate) plan: AttemptCreated,
    pub(crate) checkout: Option<Opened>,
}

/// What the platform's gateway offers; nothing while operators can only transfer.
pub(crate) async fn channels(till: &Till) -> Result<Vec<Channel>, ApiError> {
    let Some(gateway) = gateway(till.bus.store()).await? else {
        return Ok(Vec::new());
    };
    let Some(gateway) = till.gateways.open(TenantId::PLATFORM, gateway).await? else {
        return Ok(Vec::new());
    };
    match gateway.client.channels().await {
        Ok(channels) => Ok(channels.into_iter().filter(|channel| channel.active).collect()),
        Err(error) => {
            tracing::warn!(%error, "the platform's gateway does not tell its channels");
            Ok(Vec::new())
        }
    }
}

async fn gateway(store: &EventStore) -> Result<Option<GatewayId>, ApiError> {
    let (terms, _) = store.load::<Terms>(TenantId::PLATFORM, TERMS).await?;
    Ok(terms.current().gateway)
}

/// Opens a checkout for a payment that was asked for. `asked` is the frame of whoever asked.
pub(crate) async fn pay(
    till: Till,
    asked: Context,
    request: RequestedPayment,
    channel: String,
    return_url: Option<String>,
) -> Result<Started, ApiError> {
    let account = asked.tenant;
    if !is_own(till.bus.store(), account, request.invoice).await? {
        return Ok(Started::NoInvoice);
    }
    let Some(gateway) = gateway(till.bus.store()).await? else {
        return Ok(Started::NoGateway);
    };
    let over_there = |step: &str| Context {
        tenant: TenantId::PLATFORM,
        actor: Actor::System(PART),
        cause: Some(Cause::Event(request.request)),
        command_id: CommandId::derive(request.request.as_uuid(), step),
        ..asked.clone()
    };
    tracing::info!(%account, invoice.id = %request.invoice, cause = %request.request, "an operator pays through the platform's gateway");
    let checkout = Checkout {
        frame: over_there("plan"),
        internal: over_there("record"),
        payer: None,
        invoice: request.invoice,
        gateway,
        channel,
        return_url,
        till,
    };
    checkout.run().await
}

async fn is_own(store: &EventStore, account: TenantId, invoice: InvoiceId) -> Result<bool, ApiError> {
    let (bill, _) = store
        .load::<Invoice>(TenantId::PLATFORM, &invoice.to_string())
        .await?;
    Ok(bill.billed() == Some(Billed::Account(account)))
}

/// An attempt at a bill of the account; somebody else's is not there.
pub(crate) async fn attempt(
    store: &EventStore,
    account: TenantId,
    attempt: AttemptId,
) -> Result<Option<OwnAttempt>, ApiError> {
    let events = stream::events::<Attempt>(store, TenantId::PLATFORM, &attempt.to_string()).await?;
    let mut own: Option<OwnAttempt> = None;
    for event in events {
        match (event, &mut own) {
            (AttemptEvent::Created(plan), None) if plan.customer == payer_id(account) => {
                own = Some(OwnAttempt {
                    plan: *plan,
                    checkout: None,
                });
            }
            (AttemptEvent::CheckoutOpened(opened), Some(own)) => own.checkout = Some(opened.checkout),
            _ => {}
        }
    }
    Ok(own)
}
