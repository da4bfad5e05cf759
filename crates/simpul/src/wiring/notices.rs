//! From a stored notice to the command that books it.

use std::sync::Arc;

use simpul_adapters::intake::{NoticeHandler, Outcome};
use simpul_api::gateways::{GatewayDirectory, OpenGateway};
use simpul_app::billing::BookObservation;
use simpul_domain::{
    CommandId, CorrelationId, GatewayId,
    billing::gateway::{NoticeContent, Observation},
    ports::RawNotice,
};
use simpul_event_store::{Actor, Bus, Cause, Context, DispatchError, inline::notice::Leased};

/// Verifies again what was stored, because what is stored is the truth, and books what it says.
#[derive(Debug, Clone)]
pub(crate) struct Notices {
    bus: Bus,
    gateways: Arc<dyn GatewayDirectory>,
}

impl Notices {
    pub(crate) const fn new(bus: Bus, gateways: Arc<dyn GatewayDirectory>) -> Self {
        Self { bus, gateways }
    }

    async fn observation(&self, leased: &Leased, gateway: GatewayId) -> Result<Observation, Outcome> {
        let account = match self.gateways.open(leased.tenant, gateway).await {
            Ok(Some(account)) => account,
            Ok(None) => {
                return Err(Outcome::Failed(
                    "the gateway account is not connected any more".to_owned(),
                ));
            }
            Err(error) => return Err(Outcome::Retry(error.to_string())),
        };
        read(&account, leased)
    }

    async fn book(&self, leased: &Leased, gateway: GatewayId, observation: Observation) -> Outcome {
        let notice = leased.notice.id;
        let context = Context {
            tenant: leased.tenant,
            actor: Actor::System("intake"),
            impersonator: None,
            ip: None,
            user_agent: None,
            request_id: None,
            correlation: CorrelationId::new(notice.as_uuid()),
            cause: Some(Cause::Notice(notice)),
            command_id: CommandId::derive(notice.as_uuid(), "book"),
            effective_at: observation.paid_at,
            dry_run: false,
        };
        let command = BookObservation {
            gateway,
            observation,
            notice: Some(notice),
        };
        match self.bus.dispatch(context, command).await {
            Ok(receipt) => Outcome::Done(format!("{:?}", receipt.answer)),
            Err(DispatchError::Refused(refusal)) => Outcome::Failed(refusal.to_string()),
            Err(error) => Outcome::Retry(error.to_string()),
        }
    }
}

fn read(account: &OpenGateway, leased: &Leased) -> Result<Observation, Outcome> {
    let headers: Vec<(String, String)> = leased
        .notice
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let raw = RawNotice {
        headers: &headers,
        body: &leased.notice.body,
    };
    match account.client.verify_notice(raw) {
        Ok(verified) => match verified.content {
            NoticeContent::Charge(observation) => Ok(*observation),
            NoticeContent::Irrelevant { event } => Err(Outcome::Done(format!("nothing to do for {event}"))),
        },
        Err(error) => Err(Outcome::Failed(error.to_string())),
    }
}

impl NoticeHandler for Notices {
    async fn handle(&self, leased: &Leased) -> Outcome {
        let gateway = leased
            .notice
            .connection
            .split('/')
            .nth(1)
            .and_then(|id| id.parse().ok());
        let Some(gateway) = gateway else {
            return Outcome::Failed("the notice names no gateway account".to_owned());
        };
        match self.observation(leased, gateway).await {
            Ok(observation) => self.book(leased, gateway, observation).await,
            Err(outcome) => outcome,
        }
    }
}
