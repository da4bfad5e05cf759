//! Messages to customers: senders, texts, queueing, and what became of each.

mod texts;

use serde::{Deserialize, Serialize};
use serde_json::json;
use simpul_domain::{
    CustomerId, EventId, MessageId, NoticeId, SenderId, TenantId,
    customers::PhoneNumber,
    messaging::{
        Message, MessageCommand, MessageKind, SenderAccount, SenderAccountCommand, SenderAccountEvent,
        message::{MessageRefs, QueueMessage as Queue},
        sender::{Channel, Delivery, SenderKind},
        sender_account::{ConnectSenderAccount, SenderAccountConnected},
    },
    tenancy::Feature,
};
use simpul_event_store::{
    Access, Command, EventStore, StoreError, Work,
    inline::{Inline, Origin, outbox::Parcel},
};

use crate::{
    Outcome, Personal, Refusal, decide,
    hooks::{Hook, Reporter},
    permission, refuse, stream, tenancy,
};

pub use self::texts::{ResetMessageText, WriteMessageText, message_texts};

/// Outbox channel of WhatsApp messages.
pub const WHATSAPP: &str = "whatsapp";
/// Field of a sender that is sealed.
pub const TOKEN_FIELD: &str = "token";
/// Field of a sender that is sealed.
pub const DEVICE_FIELD: &str = "device";
/// Scope of the set of a tenant's senders, by channel, oldest first.
pub const SENDERS: &str = "senders";
/// Scope of the set of messages that a messenger knows by a name. Names come back after years, and a stand-in begins
/// anew: the latest message counts.
const PROVIDER_ID: &str = "message.provider_id";
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
    const ACCESS: Access = Access {
        feature: Some(Feature::Whatsapp.as_str()),
        ..Access::permission(permission::TENANT_SETTINGS)
    };
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
        let hook = Hook::of(
            work.store(),
            work.tenant(),
            Reporter::Message,
            self.kind.as_str(),
            &id,
        )
        .await?;
        let device = Personal::new(device.e164());
        let values = [(TOKEN_FIELD, &self.token), (DEVICE_FIELD, &device)];
        let [token, device] = Personal::seal_all(work, &id, values).await?;
        let connect = ConnectSenderAccount {
            sender,
            kind: self.kind,
            token,
            device,
            hook_digest: hook.digest(),
            at: work.at(),
        };
        work.begin::<SenderAccount>(&id);
        decide::<SenderAccount>(work, &id, SenderAccountCommand::Connect(connect)).await?;
        let connected_at = work.at().to_rfc3339();
        work.add_member(SENDERS, WHATSAPP, &id, &connected_at);
        work.inline(Inline::Route(hook.route()));
        Ok(sender)
    }
}

/// Path of a sender's delivery reports: `/hooks/v1/message/<kind>/<sender>/<token>`.
pub async fn hook_path(
    store: &EventStore,
    tenant: TenantId,
    sender: SenderId,
    kind: SenderKind,
) -> Result<String, StoreError> {
    let hook = Hook::of(
        store,
        tenant,
        Reporter::Message,
        kind.as_str(),
        &sender.to_string(),
    )
    .await?;
    Ok(hook.path())
}

/// A connected sender as it was connected, its token still sealed. Nothing when it is disconnected.
pub async fn sender_account(
    store: &EventStore,
    tenant: TenantId,
    sender: SenderId,
) -> Result<Option<SenderAccountConnected>, StoreError> {
    let events = stream::events::<SenderAccount>(store, tenant, &sender.to_string()).await?;
    Ok(match events.into_iter().next_back() {
        Some(SenderAccountEvent::Connected(connected)) => Some(connected),
        Some(SenderAccountEvent::Disconnected(_)) | None => None,
    })
}

/// Queues a message about an event. The same cause and kind is the same message. In quiet hours it waits for their end.
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
        let settings = tenancy::settings(work).await?;
        let at = work.at();
        let due_at = settings
            .messaging
            .quiet_hours
            .map_or(at, |quiet| quiet.end_after(at, settings.region.zone));
        work.inline(Inline::Send(Parcel {
            id: self.message.as_uuid(),
            channel: WHATSAPP.to_owned(),
            body: json!({ "message": id }),
            due_at,
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
            Sent::Accepted { provider_ids } => {
                for provider_id in provider_ids {
                    name(work, provider_id, self.message);
                }
                MessageCommand::RecordAccepted {
                    provider_ids: provider_ids.clone(),
                    at,
                }
            }
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

fn name(work: &mut Work<'_>, provider_id: &str, message: MessageId) {
    let at = work.at().to_rfc3339();
    work.add_member(PROVIDER_ID, provider_id, &message.to_string(), &at);
}

/// What a messenger reports about one of its messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "report")]
pub enum Report {
    Progress {
        provider_id: String,
        delivery: Delivery,
    },
    Failed {
        provider_id: String,
        reason: String,
    },
    /// Another name of the same message, by which later reports may know it.
    Alias {
        provider_id: String,
        alias: String,
    },
}

impl Report {
    fn provider_id(&self) -> &str {
        match self {
            Self::Progress { provider_id, .. }
            | Self::Failed { provider_id, .. }
            | Self::Alias { provider_id, .. } => provider_id,
        }
    }
}

/// Records the reports of one notice. Reports come twice, late and in another order than they happened: only the
/// furthest counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordReports {
    /// Marked as handled in the same transaction, unless a message is not known (yet).
    pub notice: NoticeId,
    pub reports: Vec<Report>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Noted {
    /// The messages have come further.
    News,
    /// Known already, or less than what is known.
    Nothing,
    /// No message of ours has this name: sent from the phone, or not recorded yet.
    Unknown { provider_id: String },
}

impl Command for RecordReports {
    const NAME: &'static str = "message.record_reports";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = Noted;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<Noted> {
        let mut noted = Noted::Nothing;
        for report in &self.reports {
            let provider_id = report.provider_id();
            let named = work.members(PROVIDER_ID, provider_id).await?.pop();
            let Some(message) = named.and_then(|id| id.parse().ok()) else {
                return Ok(Noted::Unknown {
                    provider_id: provider_id.to_owned(),
                });
            };
            if record(work, message, report).await? {
                noted = Noted::News;
            }
        }
        let outcome = match &noted {
            Noted::News => "recorded",
            Noted::Nothing | Noted::Unknown { .. } => "nothing new",
        };
        work.inline(Inline::NoticeDone {
            notice: self.notice,
            outcome: outcome.to_owned(),
        });
        Ok(noted)
    }
}

async fn record(work: &mut Work<'_>, message: MessageId, report: &Report) -> Outcome<bool> {
    let at = work.at();
    let command = match report {
        Report::Alias { alias, .. } => {
            name(work, alias, message);
            return Ok(false);
        }
        Report::Progress { delivery, .. } => MessageCommand::RecordDelivery {
            delivery: *delivery,
            at,
        },
        Report::Failed { reason, .. } => MessageCommand::RecordFailed {
            reason: reason.clone(),
            is_final: true,
            at,
        },
    };
    Ok(!decide::<Message>(work, &message.to_string(), command)
        .await?
        .is_empty())
}
