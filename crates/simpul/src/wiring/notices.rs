//! From a stored notice to the command that books or records it.

use std::sync::Arc;

use simpul_adapters::intake::{NoticeHandler, Outcome};
use simpul_api::{
    gateways::{GatewayDirectory, OpenGateway},
    senders::StoredSenders,
};
use simpul_app::{
    billing::BookObservation,
    messaging::{Noted, RecordReports, Report},
};
use simpul_domain::{
    CommandId, CorrelationId, GatewayId, SenderId,
    billing::gateway::{NoticeContent, Observation},
    messaging::sender::{MessageSender as _, SenderEvent},
    ports::RawNotice,
};
use simpul_event_store::{Actor, Bus, Cause, Context, DispatchError, inline::notice::Leased};

/// A report may be faster than our own record of the sending: half a minute of tries. After that the message is
/// somebody else's, such as one that was written on the phone.
const UNKNOWN_TRIES: i32 = 5;

/// Verifies again what was stored, because what is stored is the truth, and books what it says.
#[derive(Debug, Clone)]
pub(crate) struct Notices {
    bus: Bus,
    gateways: Arc<dyn GatewayDirectory>,
    senders: StoredSenders,
}

impl Notices {
    pub(crate) const fn new(bus: Bus, gateways: Arc<dyn GatewayDirectory>, senders: StoredSenders) -> Self {
        Self {
            bus,
            gateways,
            senders,
        }
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
        let mut context = context(leased, "book");
        context.effective_at = observation.paid_at;
        let command = BookObservation {
            gateway,
            observation,
            notice: Some(leased.notice.id),
        };
        match self.bus.dispatch(context, command).await {
            Ok(receipt) => Outcome::Done(format!("{:?}", receipt.answer)),
            Err(DispatchError::Refused(refusal)) => Outcome::Failed(refusal.to_string()),
            Err(error) => Outcome::Retry(error.to_string()),
        }
    }

    async fn reports(&self, leased: &Leased, sender: SenderId) -> Result<Vec<Report>, Outcome> {
        let sender = match self.senders.open(leased.tenant, sender).await {
            Ok(Some(sender)) => sender,
            Ok(None) => return Err(Outcome::Failed("the sender is not connected any more".to_owned())),
            Err(error) => return Err(Outcome::Retry(error.to_string())),
        };
        let headers = headers(leased);
        let raw = raw(leased, &headers);
        let events = sender
            .verify_notice(raw)
            .map_err(|error| Outcome::Failed(error.to_string()))?;
        let reports: Vec<Report> = events.into_iter().filter_map(report).collect();
        if reports.is_empty() {
            return Err(Outcome::Done("nothing about a message".to_owned()));
        }
        Ok(reports)
    }

    async fn record(&self, leased: &Leased, reports: Vec<Report>) -> Outcome {
        // Every try is a question of its own: what was unknown may be known by now.
        let context = context(leased, &format!("reports/{}", leased.attempts));
        let command = RecordReports {
            notice: leased.notice.id,
            reports,
        };
        match self
            .bus
            .dispatch(context, command)
            .await
            .map(|receipt| receipt.answer)
        {
            Ok(Noted::News) => Outcome::Done("recorded".to_owned()),
            Ok(Noted::Nothing) => Outcome::Done("nothing new".to_owned()),
            Ok(Noted::Unknown { provider_id }) => {
                let text = format!("no message of ours is {provider_id}");
                if leased.attempts < UNKNOWN_TRIES {
                    Outcome::Retry(text)
                } else {
                    Outcome::Done(text)
                }
            }
            Err(DispatchError::Refused(refusal)) => Outcome::Failed(refusal.to_string()),
            Err(error) => Outcome::Retry(error.to_string()),
        }
    }
}

fn report(event: SenderEvent) -> Option<Report> {
    match event {
        SenderEvent::Progress {
            provider_id,
            delivery,
        } => Some(Report::Progress {
            provider_id,
            delivery,
        }),
        SenderEvent::Failed { provider_id, reason } => Some(Report::Failed { provider_id, reason }),
        SenderEvent::Alias { provider_id, alias } => Some(Report::Alias { provider_id, alias }),
        SenderEvent::Device(_) | SenderEvent::Irrelevant { .. } => None,
    }
}

fn context(leased: &Leased, what: &str) -> Context {
    let notice = leased.notice.id;
    Context {
        tenant: leased.tenant,
        actor: Actor::System("intake"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(notice.as_uuid()),
        cause: Some(Cause::Notice(notice)),
        command_id: CommandId::derive(notice.as_uuid(), what),
        effective_at: None,
        dry_run: false,
        expected_version: None,
    }
}

fn headers(leased: &Leased) -> Vec<(String, String)> {
    let headers = leased.notice.headers.iter();
    headers
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn raw<'a>(leased: &'a Leased, headers: &'a [(String, String)]) -> RawNotice<'a> {
    RawNotice {
        headers,
        body: &leased.notice.body,
    }
}

fn read(account: &OpenGateway, leased: &Leased) -> Result<Observation, Outcome> {
    let headers = headers(leased);
    let raw = raw(leased, &headers);
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
        let account = leased.notice.connection.split('/').nth(1).unwrap_or_default();
        if let Ok(gateway) = account.parse() {
            return match self.observation(leased, gateway).await {
                Ok(observation) => self.book(leased, gateway, observation).await,
                Err(outcome) => outcome,
            };
        }
        if let Ok(sender) = account.parse() {
            return match self.reports(leased, sender).await {
                Ok(reports) => self.record(leased, reports).await,
                Err(outcome) => outcome,
            };
        }
        Outcome::Failed("the notice names no account of ours".to_owned())
    }
}
