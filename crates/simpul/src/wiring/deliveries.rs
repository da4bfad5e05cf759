//! What delivery asks for: texts from what is true now, drivers with their tokens, and reports as commands.

use simpul_adapters::{
    delivery::{Content, Ports, Ready, Report},
    work_loop::PortError,
};
use simpul_api::senders::StoredSenders;
use simpul_app::messaging::{RecordSent, Sent};
use simpul_domain::{
    CommandId, MessageId, TenantId,
    messaging::sender::{MessageSender as _, OutboundMessage, Rejection, RejectionKind, SendOutcome},
};
use simpul_event_store::{Bus, inline::outbox::Leased};

use super::{
    Messages,
    messages::{MessageError, Rendered},
    outcomes,
};

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Deliveries {
    bus: Bus,
    messages: Messages,
    senders: StoredSenders,
}

impl Deliveries {
    pub(crate) const fn new(bus: Bus, messages: Messages, senders: StoredSenders) -> Self {
        Self {
            bus,
            messages,
            senders,
        }
    }
}

impl Ports for Deliveries {
    async fn content(&self, parcel: &Leased) -> Result<Content, PortError> {
        let message = MessageId::new(parcel.parcel.id);
        match self.messages.render(parcel.tenant, message).await {
            Ok(Rendered::Ready {
                message,
                failed_tries,
            }) => Ok(Content::Ready(Ready {
                message,
                failed_tries,
            })),
            Ok(Rendered::Settled(settled)) => Ok(Content::Settled(settled)),
            Ok(Rendered::Unwanted(reason)) => Ok(Content::Unwanted {
                reason: reason.to_owned(),
            }),
            Err(MessageError::Store(error)) => Err(error.into()),
            Err(error) => Ok(Content::Impossible {
                reason: error.to_string(),
            }),
        }
    }

    async fn send(&self, tenant: TenantId, message: &OutboundMessage) -> SendOutcome {
        let rejected = |kind, reason: String| SendOutcome::Rejected(Rejection { kind, reason });
        match self.senders.whatsapp(tenant).await {
            Ok(Some(sender)) => sender.send(message).await,
            Ok(None) => rejected(
                RejectionKind::DeviceOffline,
                "no WhatsApp sender is connected".to_owned(),
            ),
            // Nothing was sent: the driver could not even be made.
            Err(error) => rejected(RejectionKind::Unreachable, error.to_string()),
        }
    }

    async fn record(&self, parcel: &Leased, report: &Report) -> Result<(), PortError> {
        let message = MessageId::new(parcel.parcel.id);
        let sent = match report.clone() {
            Report::Accepted { provider_ids } => Sent::Accepted { provider_ids },
            Report::Failed { reason, is_final } => Sent::Failed { reason, is_final },
            Report::Unknown => Sent::Unknown,
        };
        let command_id = CommandId::derive(message.as_uuid(), &format!("sent/{}", parcel.attempts));
        let context = outcomes::context(parcel.tenant, "delivery", parcel.parcel.origin, command_id);
        outcomes::record(&self.bus, context, RecordSent { message, sent }).await
    }
}
