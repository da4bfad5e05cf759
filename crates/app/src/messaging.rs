//! Messages to customers: senders, queueing, and what became of each.

use serde::{Deserialize, Serialize};
use serde_json::json;
use simpul_domain::{
    CustomerId, EventId, MessageId, SenderId,
    customers::PhoneNumber,
    messaging::{
        Message, MessageCommand, MessageKind, SenderAccount, SenderAccountCommand,
        message::{MessageRefs, QueueMessage as Queue},
        sender::{Channel, SenderKind},
        sender_account::ConnectSenderAccount,
    },
};
use simpul_event_store::{
    Access, Command, Work,
    inline::{Inline, Origin, outbox::Parcel},
};

use crate::{Outcome, Personal, Refusal, decide, permission, refuse};

/// Outbox channel of WhatsApp messages.
pub const WHATSAPP: &str = "whatsapp";
/// Field of a sender that is sealed.
pub const TOKEN_FIELD: &str = "token";
/// Field of a sender that is sealed.
pub const DEVICE_FIELD: &str = "device";
/// Scope of the set of a tenant's senders, by channel, oldest first.
pub const SENDERS: &str = "senders";
/// Version of the built-in templates.
const TEMPLATE_VERSION: u32 = 1;

/// Connects a WhatsApp sender.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConnectSender {
    pub kind: SenderKind,
    pub token: Personal,
    /// The sending number as typed.
    pub device: Personal,
}

impl Command for ConnectSender {
    const NAME: &'static str = "sender.connect";
    const ACCESS: Access = Access::permission(permission::TENANT_SETTINGS);
    type Answer = SenderId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<SenderId> {
        let sender = SenderId::new(work.new_uuid());
        let id = sender.to_string();
        let Ok(device) = PhoneNumber::parse(self.device.as_str()) else {
            return refuse(Refusal::Invalid {
                field: "device",
                rule: "phone",
            });
        };
        let connect = ConnectSenderAccount {
            sender,
            kind: self.kind,
            token: self.token.seal(work, &id, TOKEN_FIELD).await?,
            device: Personal::new(device.e164()).seal(work, &id, DEVICE_FIELD).await?,
            at: work.at(),
        };
        work.begin::<SenderAccount>(&id);
        decide::<SenderAccount>(work, &id, SenderAccountCommand::Connect(connect)).await?;
        let connected_at = work.at().to_rfc3339();
        work.add_member(SENDERS, WHATSAPP, &id, &connected_at);
        Ok(sender)
    }
}

/// Queues a message about an event. The same cause and kind is the same message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct QueueMessage {
    pub message: MessageId,
    pub kind: MessageKind,
    pub customer: CustomerId,
    pub channel: Channel,
    pub cause: EventId,
    pub refs: MessageRefs,
}

impl Command for QueueMessage {
    const NAME: &'static str = "message.queue";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let command = MessageCommand::Queue(Queue {
            message: self.message,
            kind: self.kind,
            customer: self.customer,
            channel: self.channel,
            cause: self.cause,
            refs: self.refs,
            template_version: TEMPLATE_VERSION,
            at: work.at(),
        });
        let id = self.message.to_string();
        if decide::<Message>(work, &id, command).await?.is_empty() {
            return Ok(());
        }
        work.inline(Inline::Send(Parcel {
            id: self.message.as_uuid(),
            channel: WHATSAPP.to_owned(),
            body: json!({ "message": id }),
            due_at: work.at(),
            origin: Some(Origin {
                cause: self.cause.as_uuid(),
                correlation: work.context().correlation,
            }),
        }));
        Ok(())
    }
}

/// What became of a try to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "became")]
pub enum Sent {
    Accepted {
        provider_ids: Vec<String>,
    },
    Failed {
        reason: String,
        is_final: bool,
    },
    /// It may have gone out: never sent again by itself.
    Unknown,
}

/// Records what became of a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordSent {
    pub message: MessageId,
    pub sent: Sent,
}

impl Command for RecordSent {
    const NAME: &'static str = "message.record_sent";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let at = work.at();
        let command = match &self.sent {
            Sent::Accepted { provider_ids } => MessageCommand::RecordAccepted {
                provider_ids: provider_ids.clone(),
                at,
            },
            Sent::Failed { reason, is_final } => MessageCommand::RecordFailed {
                reason: reason.clone(),
                is_final: *is_final,
                at,
            },
            Sent::Unknown => MessageCommand::RecordUnknown { at },
        };
        decide::<Message>(work, &self.message.to_string(), command).await?;
        Ok(())
    }
}
