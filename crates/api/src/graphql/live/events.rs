//! Events in the order of the log. At least once: a client that comes back with the cursor of the last event it has
//! seen misses none, and knows those that it sees again by their cursors.

use std::{collections::VecDeque, sync::Arc};

use async_graphql::{ComplexObject, Context, Enum, Result, SimpleObject, Subscription, Union};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{Stream, StreamExt as _, stream};
use simpul_app::permission;
use simpul_domain::{Code, InvoiceId, PaymentId, RouterId, SubscriptionId};
use simpul_event_store::{ConsistencyToken, Recorded};
use simpul_projections::{
    billing::{invoice_list::InvoiceRow, money::PaymentRow},
    network::router_list::RouterRow,
    subscriptions::subscription_list::SubscriptionRow,
};

use crate::{
    ApiError,
    graphql::{
        batch,
        billing::{Invoice, Payment},
        cursor::refused,
        network::Router,
        scalar::DateTime,
        scope::{Scope, scope},
        subscriptions::Subscription as Line,
    },
    live::{Cursor, Start},
};

/// One log, one kind of cursor: that of any stream starts any other. It is a place in the tenant's own log, like a
/// consistency token, so that it needs no proof.
const CURSOR: &str = "1|events|";

/// Why a stream does not start where it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum StreamResetReason {
    /// More than a day or 10 000 events ago, or not a place in this log.
    NotKept,
}

/// What was asked for is not kept: read the state by query and go on from this cursor.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct StreamReset {
    /// Where the stream goes on.
    cursor: String,
    /// When it was said.
    at: DateTime,
    /// Why.
    reason: StreamResetReason,
}

/// Declares the events of one kind of thing: the types, their union, and how a stored event becomes one of them.
macro_rules! events {
    ($(#[$doc:meta])* $union:ident about $entity:ident: $type:ty = $row:ty, $permission:expr; $id:ty {
        $($(#[$event_doc:meta])* $event:ident = $name:literal;)*
    }) => {
        $($(#[$event_doc])*
        #[derive(Debug, Clone, SimpleObject)]
        #[graphql(complex)]
        pub(crate) struct $event {
            #[graphql(skip)]
            of: Option<$id>,
            #[graphql(skip)]
            seq: i64,
            /// Where to come back to: what follows this event.
            cursor: String,
            /// When it happened.
            at: DateTime,
        }

        #[ComplexObject]
        impl $event {
            /// What it happened to, at least as new as the event.
            async fn $entity(&self, context: &Context<'_>) -> Result<Option<$type>> {
                let scope = scope(context)?;
                scope.require($permission).await?;
                match self.of {
                    Some(id) => Ok(batch::after::<$row>(scope, id, self.seq).await?.map(<$type>::from)),
                    None => Ok(None),
                }
            }
        })*

        $(#[$doc])*
        #[derive(Debug, Clone, Union)]
        pub(crate) enum $union {
            $($event($event),)*
            StreamReset(StreamReset),
        }

        impl Happening for $union {
            fn read(event: &Recorded) -> Option<Self> {
                let (of, seq) = (event.aggregate_id.parse().ok(), event.tenant_seq);
                let (cursor, at) = (cursor(seq), DateTime(event.recorded_at));
                match event.event_type.as_str() {
                    $($name => Some(Self::$event($event { of, seq, cursor, at })),)*
                    _ => None,
                }
            }

            fn reset(reset: StreamReset) -> Self {
                Self::StreamReset(reset)
            }
        }
    };
}

events! {
    /// Something happened to a bill. More may be added.
    InvoiceEvent about invoice: Invoice = InvoiceRow, permission::BILLING_READ; InvoiceId {
        /// It asks for money from now on.
        InvoiceIssued = "billing.invoice.issued";
        /// A part of it was paid, or all of it.
        InvoicePaymentApplied = "billing.invoice.payment_applied";
        /// Credit paid a part of it, or all of it.
        InvoiceCreditApplied = "billing.invoice.credit_applied";
        /// The payer was reminded.
        InvoiceReminded = "billing.invoice.reminded";
        /// Nothing is asked for any more.
        InvoicePaid = "billing.invoice.paid";
        /// Its due date has passed.
        InvoiceFellOverdue = "billing.invoice.fell_overdue";
        /// It was withdrawn.
        InvoiceVoided = "billing.invoice.voided";
        /// Money that had paid it is gone again.
        InvoicePaymentTakenBack = "billing.invoice.payment_taken_back";
        /// Credit that had paid it is gone again.
        InvoiceCreditTakenBack = "billing.invoice.credit_taken_back";
        /// It had been paid and asks for money again.
        InvoiceReopened = "billing.invoice.reopened";
    }
}

events! {
    /// Something happened to money that was received. More may be added.
    PaymentEvent about payment: Payment = PaymentRow, permission::BILLING_READ; PaymentId {
        /// It was booked.
        PaymentReceived = "billing.payment.received";
        /// It was found whose it is.
        PaymentMatched = "billing.payment.matched";
        /// Some of it was put on bills.
        PaymentAllocated = "billing.payment.allocated";
        /// Some of it was kept as credit.
        PaymentCredited = "billing.payment.credited";
        /// Nobody knows whose it is.
        PaymentLeftUnmatched = "billing.payment.left_unmatched";
        /// Some of it was given back.
        PaymentRefunded = "billing.payment.refunded";
        /// Its gateway or the payer's bank took some of it back.
        PaymentTakenBack = "billing.payment.taken_back";
    }
}

events! {
    /// Something happened to a line. More may be added.
    SubscriptionEvent about subscription: Line = SubscriptionRow, permission::SUBSCRIPTION_READ; SubscriptionId {
        /// It was sold.
        SubscriptionOpened = "subscriptions.subscription.opened";
        /// It is in service for the first time.
        SubscriptionActivated = "subscriptions.subscription.activated";
        /// It only reaches the pay page.
        SubscriptionIsolated = "subscriptions.subscription.isolated";
        /// It is in service again after it was paid.
        SubscriptionIsolirLifted = "subscriptions.subscription.isolir_lifted";
        /// It is out of service on request or for abuse.
        SubscriptionSuspended = "subscriptions.subscription.suspended";
        /// It is in service again after a suspension.
        SubscriptionResumed = "subscriptions.subscription.resumed";
        /// It has long been unpaid.
        SubscriptionStopped = "subscriptions.subscription.stopped";
        /// It is gone for ever.
        SubscriptionTerminated = "subscriptions.subscription.terminated";
        /// Another plan was agreed.
        SubscriptionPlanChanged = "subscriptions.subscription.plan_changed";
    }
}

events! {
    /// Something happened to a router. More may be added.
    RouterEvent about router: Router = RouterRow, permission::ROUTER_READ; RouterId {
        /// It is managed from now on.
        RouterRegistered = "network.router.registered";
        /// It was recognised at its address.
        RouterIdentified = "network.router.identified";
        /// It is reached elsewhere.
        RouterAddressChanged = "network.router.address_changed";
        /// It is not managed any more.
        RouterRetired = "network.router.retired";
    }
}

/// A public event made of a stored one.
trait Happening: Sized + Send + 'static {
    fn read(event: &Recorded) -> Option<Self>;

    fn reset(reset: StreamReset) -> Self;
}

fn cursor(position: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{CURSOR}{position}"))
}

fn position(cursor: &str) -> Result<i64, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let position = text
        .strip_prefix(CURSOR)
        .and_then(|position| position.parse().ok());
    position.ok_or_else(|| refused("after"))
}

/// What happens after a cursor, or from now on.
async fn follow<E: Happening>(
    scope: &Arc<Scope>,
    after: Option<&str>,
) -> Result<impl Stream<Item = Result<E>> + use<E>, ApiError> {
    let after = after.map(position).transpose()?;
    let (first, cursor_at) = match scope.follow(after).await? {
        Start::From(at) => (None, at),
        Start::Reset(at) => (Some(reset(scope, &at)), at),
    };
    let following = Following {
        scope: Arc::clone(scope),
        cursor: Some(cursor_at),
        ready: VecDeque::new(),
    };
    let first = stream::iter(first.map(|reset| Ok(E::reset(reset))));
    Ok(first.chain(stream::unfold(following, Following::next)))
}

fn reset(scope: &Scope, at: &Cursor) -> StreamReset {
    StreamReset {
        cursor: cursor(at.at()),
        at: DateTime(scope.state().store().now()),
        reason: StreamResetReason::NotKept,
    }
}

struct Following<E> {
    scope: Arc<Scope>,
    /// `None` once the stream has broken.
    cursor: Option<Cursor>,
    ready: VecDeque<(i64, E)>,
}

impl<E: Happening> Following<E> {
    async fn next(mut self) -> Option<(Result<E>, Self)> {
        loop {
            if let Some((seq, event)) = self.ready.pop_front() {
                let tenant = self.scope.tenant();
                self.scope.remember(Some(ConsistencyToken { tenant, seq }));
                return Some((Ok(event), self));
            }
            let at = self.cursor.as_mut()?;
            if at.is_lost() {
                let error = slow(at);
                self.cursor = None;
                return Some((Err(error.into()), self));
            }
            match at.next().await {
                Ok(events) => {
                    let public = |event: &Arc<Recorded>| Some((event.tenant_seq, E::read(event)?));
                    self.ready.extend(events.iter().filter_map(public));
                }
                Err(error) => {
                    self.cursor = None;
                    return Some((Err(ApiError::from(error).into()), self));
                }
            }
        }
    }
}

/// The client reads slower than things happen; it may come back, or read the state.
fn slow(at: &Cursor) -> ApiError {
    ApiError {
        code: Code::SlowConsumer,
        message: "The client does not keep up".to_owned(),
        params: serde_json::json!({ "cursor": cursor(at.at()), "behind": at.behind() }),
    }
}

/// Streams of events.
#[derive(Debug, Default)]
pub(crate) struct EventStreams;

#[Subscription]
impl EventStreams {
    /// Everything that happens to bills, in order.
    /// Permission: billing.read
    async fn invoice_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Cursor of the last event that was seen; from now on when absent.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<InvoiceEvent>>> {
        let scope = scope(context)?;
        scope.require(permission::BILLING_READ).await?;
        Ok(follow(scope, after.as_deref()).await?)
    }

    /// Everything that happens to money that was received, in order.
    /// Permission: billing.read
    async fn payment_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Cursor of the last event that was seen; from now on when absent.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<PaymentEvent>>> {
        let scope = scope(context)?;
        scope.require(permission::BILLING_READ).await?;
        Ok(follow(scope, after.as_deref()).await?)
    }

    /// Everything that happens to lines, in order.
    /// Permission: subscription.read
    async fn subscription_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Cursor of the last event that was seen; from now on when absent.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<SubscriptionEvent>>> {
        let scope = scope(context)?;
        scope.require(permission::SUBSCRIPTION_READ).await?;
        Ok(follow(scope, after.as_deref()).await?)
    }

    /// Everything that happens to routers, in order.
    /// Permission: router.read
    async fn router_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Cursor of the last event that was seen; from now on when absent.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<RouterEvent>>> {
        let scope = scope(context)?;
        scope.require(permission::ROUTER_READ).await?;
        Ok(follow(scope, after.as_deref()).await?)
    }
}
