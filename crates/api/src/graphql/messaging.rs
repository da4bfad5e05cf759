//! Messages to customers and the accounts that send them.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    Personal,
    messaging::{ConnectSender, hook_path, sender_account},
    permission,
};
use simpul_domain::{
    MessageId, SenderId,
    messaging::{
        MessageKind as DomainMessageKind,
        message::MessageStatus as DomainStatus,
        sender::{Channel, SenderKind as DomainSenderKind},
    },
};
use simpul_event_store::feed::Projector as _;
use simpul_projections::{
    messaging::message_list::{self, MessageListProjector, MessageRow},
    sift,
};

use super::{
    batch,
    customers::Customer,
    fields::Fields,
    page::{Asked, RowConnection, Window, sorted_rows},
    payload::payload,
    rows::{plain, words},
    scalar::{DateTime, Url},
    scope::{Scope, scope},
    sift::{DateTimeComparator, IdComparator, Stored, WordComparator, filter, order, order_of, sieve},
};
use crate::ApiError;

const LIST: &str = "messages";

/// Which driver speaks for a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "DomainSenderKind", name = "SenderKind")]
pub(crate) enum SenderKind {
    /// fonnte.com
    Fonnte,
    /// go-whatsapp-web-multidevice
    Gowa,
    /// waha.devlike.pro
    Waha,
    /// Evolution API
    Evolution,
    /// Meta's cloud API
    MetaCloud,
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "DomainMessageKind", name = "MessageKind")]
pub(crate) enum MessageKind {
    /// A bill was issued.
    InvoiceCreated,
    /// A bill is due soon.
    InvoiceDueReminder,
    /// A bill is overdue.
    InvoiceOverdue,
    /// A bill is paid.
    InvoicePaid,
    /// Service is restricted.
    CustomerIsolated,
    /// Service is back.
    CustomerUnisolated,
}

/// By which way a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Channel", name = "MessageChannel")]
pub(crate) enum MessageChannel {
    /// WhatsApp.
    Whatsapp,
    /// E-mail.
    Email,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum MessageStatus {
    /// Waits for its turn.
    Queued,
    /// The sender took it.
    Accepted,
    /// It left.
    Sent,
    /// It arrived.
    Delivered,
    /// It was read.
    Read,
    /// It was not sent.
    Failed,
    /// It may have gone out; it is never sent again by itself.
    Unknown,
}

impl From<MessageStatus> for DomainStatus {
    fn from(status: MessageStatus) -> Self {
        match status {
            MessageStatus::Queued => Self::Queued,
            MessageStatus::Accepted => Self::Accepted,
            MessageStatus::Sent => Self::Sent,
            MessageStatus::Delivered => Self::Delivered,
            MessageStatus::Read => Self::Read,
            MessageStatus::Failed => Self::Failed,
            MessageStatus::Unknown => Self::Unknown,
        }
    }
}

impl From<DomainStatus> for MessageStatus {
    fn from(status: DomainStatus) -> Self {
        match status {
            // INVARIANT: a row exists from the queueing on.
            DomainStatus::Absent | DomainStatus::Queued => Self::Queued,
            DomainStatus::Accepted => Self::Accepted,
            DomainStatus::Sent => Self::Sent,
            DomainStatus::Delivered => Self::Delivered,
            DomainStatus::Read => Self::Read,
            DomainStatus::Failed => Self::Failed,
            DomainStatus::Unknown => Self::Unknown,
        }
    }
}

/// One message to one customer.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Message {
    #[graphql(skip)]
    row: MessageRow,
    /// Opaque.
    pub(crate) id: ID,
    /// What it is about.
    kind: MessageKind,
    /// By which way it travels.
    channel: MessageChannel,
    /// Where it stands.
    status: MessageStatus,
    /// Times it was tried.
    try_count: i32,
    /// Why the last try failed.
    failure: Option<String>,
    /// When it was queued.
    queued_at: DateTime,
    /// Since when it stands there.
    status_at: DateTime,
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        Self {
            id: row.message.to_string().into(),
            kind: row.kind.into(),
            channel: row.channel.into(),
            status: row.status.into(),
            try_count: i32::try_from(row.tries).unwrap_or(i32::MAX),
            failure: row.failure.clone(),
            queued_at: DateTime(row.queued_at),
            status_at: DateTime(row.status_at),
            row,
        }
    }
}

words!(MessageKind, MessageChannel, MessageStatus);
plain! {
    Message {
        "id" => id,
        "kind" => kind,
        "channel" => channel,
        "status" => status,
        "tryCount" => try_count,
        "failure" => failure,
        "queuedAt" => queued_at,
        "statusAt" => status_at,
    }
}

#[ComplexObject]
impl Message {
    /// To whom.
    /// Permission: customer.read
    async fn customer(&self, context: &Context<'_>) -> Result<Option<Customer>> {
        Ok(Customer::load(scope(context)?, self.row.customer).await?)
    }
}

impl Message {
    pub(super) async fn load(scope: &Arc<Scope>, message: MessageId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::CUSTOMER_READ).await?;
        Ok(batch::one::<MessageRow>(scope, message).await?.map(Self::from))
    }
}

filter! {
    /// Which messages; everything that is given must hold.
    MessageFilter {
        /// To whom they are.
        customer_id: IdComparator = message_list::CUSTOMER,
        /// What they are about.
        kind: WordComparator<MessageKind> = message_list::KIND,
        /// By which way they travel.
        channel: WordComparator<MessageChannel> = message_list::CHANNEL,
        /// Where they stand.
        status: WordComparator<MessageStatus> = message_list::STATUS,
        /// When they were queued.
        queued_at: DateTimeComparator = message_list::QUEUED_AT,
        /// Since when they stand there.
        status_at: DateTimeComparator = message_list::STATUS_AT,
    }
}

order! {
    MessageOrder by MessageOrderField {
        /// When it was queued.
        QueuedAt = message_list::QUEUED_AT,
        /// Since when it stands there.
        StatusAt = message_list::STATUS_AT,
    }
}

impl Stored for MessageKind {
    fn stored(self) -> String {
        sift::word(&DomainMessageKind::from(self))
    }
}

impl Stored for MessageChannel {
    fn stored(self) -> String {
        sift::word(&Channel::from(self))
    }
}

impl Stored for MessageStatus {
    fn stored(self) -> String {
        sift::word(&DomainStatus::from(self))
    }
}

/// An account that sends messages. Its token cannot be read.
#[derive(Debug, SimpleObject)]
pub(crate) struct Sender {
    /// Opaque.
    pub(super) id: ID,
    /// Which driver speaks for it.
    kind: SenderKind,
    /// To be told to the messenger: its delivery reports arrive here. Whoever knows it can report.
    hook_url: Url,
}

impl Sender {
    /// From its own stream: always as new as the last command.
    pub(super) async fn load(scope: &Scope, sender: SenderId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::TENANT_SETTINGS).await?;
        let account = sender_account(scope.state().store(), scope.tenant(), sender).await?;
        let Some(account) = account else {
            return Ok(None);
        };
        let path = hook_path(scope.state().store(), scope.tenant(), sender, account.kind).await?;
        let url = scope.state().public_url.join(&path);
        Ok(Some(Self {
            id: sender.to_string().into(),
            kind: account.kind.into(),
            hook_url: Url(url.map_err(|_| ApiError::internal())?.into()),
        }))
    }
}

/// A new account.
#[derive(InputObject)]
pub(crate) struct SenderConnectInput {
    /// Which driver speaks for it.
    kind: SenderKind,
    /// Cannot be read back.
    token: String,
    /// The sending number, as people write it, with or without +62. Cannot be read back.
    device: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

payload! {
    /// What `senderConnect` answers.
    SenderConnectPayload { sender: Sender = SenderId }
}

/// Questions about messages.
#[derive(Debug, Default)]
pub(crate) struct MessagingQuery;

#[Object]
impl MessagingQuery {
    /// Messages, newest first; at most 100 a page.
    /// Permission: customer.read
    async fn messages(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "0 to 10,000 rows that are passed over; goes with `first` only.")] offset: Option<
            i32,
        >,
        #[graphql(desc = "Which messages.")] filter: Option<MessageFilter>,
        #[graphql(desc = "At most three keys; newest first when absent.")] order_by: Option<
            Vec<MessageOrder>,
        >,
    ) -> Result<RowConnection<Message>> {
        let scope = scope(context)?;
        scope.require(permission::CUSTOMER_READ).await?;
        let window = Window::both(first, after, last, before).behind(offset);
        let asked = Asked::of(context, LIST, window)?;
        let sift = asked.sift(sieve(filter.as_ref())?, order_of(order_by)?);
        let mut tx = scope.read(&[MessageListProjector::NAME]).await?;
        let connection = sorted_rows::<MessageRow, Message>(&asked, &mut tx, &sift).await?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection)
    }
}

/// Commands about senders.
#[derive(Debug, Default)]
pub(crate) struct MessagingMutation;

#[Object]
impl MessagingMutation {
    /// Connects an account that sends messages.
    /// Permission: tenant.settings
    async fn sender_connect(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SenderConnectInput,
    ) -> Result<SenderConnectPayload> {
        let mut fields = Fields::default();
        fields.said([("token", &input.token), ("device", &input.device)]);
        let command = fields.done(Some(ConnectSender {
            kind: input.kind.into(),
            token: Personal::new(input.token),
            device: Personal::new(input.device),
        }));
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("sender", key, command, |sender| sender);
        Ok(outcome.await?.into())
    }
}
