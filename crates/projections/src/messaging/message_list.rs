//! Messages and what became of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use simpul_domain::{
    AnyEvent, CustomerId, Decider, EventId, InvoiceId, MessageId, SubscriptionId,
    messaging::{
        Message, MessageEvent, MessageKind,
        message::{MessageQueued, MessageStatus},
        sender::Channel,
    },
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, Projector},
};
use sqlx::types::Uuid;

use crate::{
    Keyed, Position, QueryError,
    event::decode_all,
    rows::rows,
    sift::{Kind, id, sifted},
    stored::{column, json, read, signed, word},
};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    pub message: MessageId,
    pub kind: MessageKind,
    pub customer: CustomerId,
    pub channel: Channel,
    /// The event that it tells about.
    pub cause: EventId,
    pub invoice: Option<InvoiceId>,
    pub subscription: Option<SubscriptionId>,
    pub template_version: u32,
    pub status: MessageStatus,
    /// Failed tries so far.
    pub tries: u32,
    /// Why the last try failed.
    pub failure: Option<String>,
    /// The messenger's own ids.
    pub provider_ids: Vec<String>,
    pub queued_at: DateTime<Utc>,
    pub status_at: DateTime<Utc>,
}

/// Keeps the list.
#[derive(Debug, Clone, Copy, Default)]
pub struct MessageListProjector;

type Rows = BTreeMap<MessageId, MessageRow>;

impl Projector for MessageListProjector {
    const NAME: &'static str = "messages";

    fn interest(&self) -> Interest {
        Interest::Types(&[Message::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events = decode_all(events)?;
        let messages: Vec<&MessageEvent> = events
            .iter()
            .filter_map(|(_, event)| match event {
                AnyEvent::Message(event) => Some(event),
                _ => None,
            })
            .collect();
        let ids = column(&messages, |event| message_of(event).as_uuid());
        let found = by_id(tx, &ids).await?;
        let mut rows: Rows = found.into_iter().map(|row| (row.message, row)).collect();
        for event in messages {
            apply(&mut rows, event);
        }
        store(tx, &rows.into_values().collect::<Vec<_>>()).await
    }
}

fn message_of(event: &MessageEvent) -> MessageId {
    match event {
        MessageEvent::Queued(event) => event.message,
        MessageEvent::Accepted(event) => event.message,
        MessageEvent::Sent(event) => event.message,
        MessageEvent::Delivered(event) => event.message,
        MessageEvent::Read(event) => event.message,
        MessageEvent::Failed(event) => event.message,
        MessageEvent::OutcomeUnknown(event) => event.message,
        MessageEvent::Requeued(event) => event.message,
    }
}

fn apply(rows: &mut Rows, event: &MessageEvent) {
    if let MessageEvent::Queued(queued) = event {
        rows.insert(queued.message, queued_row(queued));
        return;
    }
    let Some(row) = rows.get_mut(&message_of(event)) else {
        return;
    };
    (row.status, row.status_at) = match event {
        MessageEvent::Queued(_) => return,
        MessageEvent::Accepted(accepted) => {
            row.provider_ids.clone_from(&accepted.provider_ids);
            (MessageStatus::Accepted, accepted.at)
        }
        MessageEvent::Sent(sent) => (MessageStatus::Sent, sent.at),
        MessageEvent::Delivered(delivered) => (MessageStatus::Delivered, delivered.at),
        MessageEvent::Read(read) => (MessageStatus::Read, read.at),
        MessageEvent::Failed(failed) => {
            row.tries = failed.tries;
            row.failure = Some(failed.reason.clone());
            let status = if failed.is_final {
                MessageStatus::Failed
            } else {
                MessageStatus::Queued
            };
            (status, failed.at)
        }
        MessageEvent::OutcomeUnknown(unknown) => (MessageStatus::Unknown, unknown.at),
        MessageEvent::Requeued(requeued) => {
            row.tries = requeued.tries;
            (MessageStatus::Queued, requeued.at)
        }
    };
}

fn queued_row(queued: &MessageQueued) -> MessageRow {
    MessageRow {
        message: queued.message,
        kind: queued.kind,
        customer: queued.customer,
        channel: queued.channel,
        cause: queued.cause,
        invoice: queued.refs.invoice,
        subscription: queued.refs.subscription,
        template_version: queued.template_version,
        status: MessageStatus::Queued,
        tries: 0,
        failure: None,
        provider_ids: Vec::new(),
        queued_at: queued.at,
        status_at: queued.at,
    }
}

rows! {
    table: "messages", key: "message_id", newest: "queued_at",
    columns: "message_id, kind, customer_id, channel, cause, invoice_id, subscription_id, template_version, status, tries,
              failure, provider_ids, queued_at, status_at",
    MessageRow = |row| MessageRow {
        message: MessageId::new(row.message_id),
        kind: read("kind", row.kind)?,
        customer: CustomerId::new(row.customer_id),
        channel: read("channel", row.channel)?,
        cause: read("cause", row.cause)?,
        invoice: row.invoice_id.map(InvoiceId::new),
        subscription: row.subscription_id.map(SubscriptionId::new),
        template_version: read("template_version", row.template_version)?,
        status: read("status", row.status)?,
        tries: read("tries", row.tries)?,
        failure: row.failure,
        provider_ids: read("provider_ids", row.provider_ids)?,
        queued_at: row.queued_at,
        status_at: row.status_at,
    },
    page:
        /// All of them, newest first.
        pub fn list(),
    one by "message_id": fn by_id,
}

sifted! {
    "messages" by "message_id" as MessageRow = |row| row.message.as_uuid(), newest: QUEUED_AT, all: list(),
    CUSTOMER = "customer_id": id!(CustomerId),
    KIND = "kind": Kind::Text,
    CHANNEL = "channel": Kind::Text,
    STATUS = "status": Kind::Text,
    QUEUED_AT = "queued_at": Kind::Instant,
    STATUS_AT = "status_at": Kind::Instant,
}

async fn store(tx: &mut TenantTx, rows: &[MessageRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    let versions = rows
        .iter()
        .map(|row| signed(row.template_version))
        .collect::<Result<Vec<i32>, _>>()?;
    let tries = rows
        .iter()
        .map(|row| signed(row.tries))
        .collect::<Result<Vec<i32>, _>>()?;
    sqlx::query!(
        "INSERT INTO messages (tenant_id, message_id, kind, customer_id, channel, cause, invoice_id, subscription_id,
             template_version, status, tries, failure, provider_ids, queued_at, status_at)
         SELECT $1, m.* FROM UNNEST($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::uuid[],
             $9::integer[], $10::text[], $11::integer[], $12::text[], $13::jsonb[], $14::timestamptz[],
             $15::timestamptz[]) AS m
         ON CONFLICT ON CONSTRAINT messages_pkey DO UPDATE SET
             (status, tries, failure, provider_ids, status_at)
             = ROW (excluded.status, excluded.tries, excluded.failure, excluded.provider_ids, excluded.status_at)",
        tenant.as_uuid(),
        &column(rows, |row| row.message.as_uuid()),
        &column(rows, |row| word(&row.kind)),
        &column(rows, |row| row.customer.as_uuid()),
        &column(rows, |row| word(&row.channel)),
        &column(rows, |row| row.cause.to_string()),
        &column(rows, |row| row.invoice.map(InvoiceId::as_uuid)) as &[Option<Uuid>],
        &column(rows, |row| row.subscription.map(SubscriptionId::as_uuid)) as &[Option<Uuid>],
        &versions,
        &column(rows, |row| word(&row.status)),
        &tries,
        &column(rows, |row| row.failure.as_deref()) as &[Option<&str>],
        &column(rows, |row| json(&row.provider_ids)) as &[Value],
        &column(rows, |row| row.queued_at),
        &column(rows, |row| row.status_at),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Keyed for MessageRow {
    fn position(&self) -> Position {
        Position {
            at: self.queued_at,
            id: self.message.as_uuid(),
        }
    }
}

/// Messages by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[MessageId]) -> Result<Vec<MessageRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}
