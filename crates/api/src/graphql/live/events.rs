//! Events in the order of the log. At least once: a client that comes back with the cursor of the last event it has
//! seen misses none, and knows those that it sees again by their cursors.

use std::{collections::VecDeque, sync::Arc};

use async_graphql::{Context, Enum, Result, SimpleObject};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{Stream, StreamExt as _, stream};
use simpul_domain::Code;
use simpul_event_store::{ConsistencyToken, Recorded};

use super::State;
use crate::{
    ApiError,
    graphql::{
        cursor::refused,
        scalar::DateTime,
        scope::{Scope, scope},
    },
    live::{Cursor, Start},
};

/// One log, one kind of cursor: that of any stream starts any other. It is a place in the tenant's own log, like a
/// consistency token, so that it needs no proof.
const CURSOR: &str = "1|events|";

/// Events of other kinds that go by before a stream says where it is.
const BOOKMARK_EVERY: i64 = 1_000;

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

/// Nothing more has happened so far that this stream tells of: come back with this cursor. Said when much else has happened
/// since the last event, and before the server stops.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct StreamBookmark {
    /// Where the stream is.
    cursor: String,
    /// When it was said.
    at: DateTime,
}

/// Declares the stream of what happens to things of one kind: its field, the union of its events, and the stored event
/// behind each: `events! { /// … InvoiceEvents::invoice_events, /// … InvoiceEvent about invoice: Invoice { /// … InvoicePaid
/// = "billing.invoice.paid"; } }`.
macro_rules! events {
    (
        $(#[$stream_doc:meta])* $streams:ident::$stream:ident,
        $(#[$doc:meta])* $union:ident about $entity:ident: $type:ty {
            $($(#[$event_doc:meta])* $event:ident = $name:literal;)+
        }
    ) => {
        $($(#[$event_doc])*
        #[derive(Debug, Clone, async_graphql::SimpleObject)]
        #[graphql(complex)]
        pub(crate) struct $event {
            #[graphql(skip)]
            of: Option<<$type as $crate::graphql::live::State>::Id>,
            #[graphql(skip)]
            seq: i64,
            /// Where to come back to: what follows this event.
            cursor: String,
            /// When it happened.
            at: $crate::graphql::scalar::DateTime,
        }

        #[async_graphql::ComplexObject]
        impl $event {
            /// What it happened to, at least as new as the event.
            async fn $entity(
                &self,
                context: &async_graphql::Context<'_>,
            ) -> async_graphql::Result<Option<$type>> {
                Ok($crate::graphql::live::events::entity(context, self.of, self.seq).await?)
            }
        })+

        $(#[$doc])*
        #[derive(Debug, Clone, async_graphql::Union)]
        pub(crate) enum $union {
            $($event($event),)+
            StreamReset($crate::graphql::live::events::StreamReset),
            StreamBookmark($crate::graphql::live::events::StreamBookmark),
        }

        impl $crate::graphql::live::events::Happening for $union {
            #[cfg(test)]
            const KINDS: &'static [&'static str] = &[$($name),+];

            fn read(event: &simpul_event_store::Recorded) -> Option<Self> {
                let (of, seq) = (event.aggregate_id.parse().ok(), event.tenant_seq);
                let cursor = $crate::graphql::live::events::cursor(seq);
                let at = $crate::graphql::scalar::DateTime(event.recorded_at);
                match event.event_type.as_str() {
                    $($name => Some(Self::$event($event { of, seq, cursor, at })),)+
                    _ => None,
                }
            }

            fn reset(reset: $crate::graphql::live::events::StreamReset) -> Self {
                Self::StreamReset(reset)
            }

            fn bookmark(bookmark: $crate::graphql::live::events::StreamBookmark) -> Self {
                Self::StreamBookmark(bookmark)
            }
        }

        /// One stream.
        #[derive(Debug, Default)]
        pub(crate) struct $streams;

        #[async_graphql::Subscription]
        impl $streams {
            $(#[$stream_doc])*
            async fn $stream(
                &self,
                context: &async_graphql::Context<'_>,
                #[graphql(desc = "Cursor of the last event that was seen; from now on when absent.")]
                after: Option<String>,
            ) -> async_graphql::Result<impl futures_util::Stream<Item = async_graphql::Result<$union>>> {
                let scope = $crate::graphql::scope::scope(context)?;
                <$type as $crate::graphql::live::State>::admit(scope).await?;
                Ok($crate::graphql::live::events::follow(scope, after.as_deref()).await?)
            }
        }
    };
}
pub(in crate::graphql) use events;

/// A public event made of a stored one.
pub(in crate::graphql) trait Happening: Sized + Send + 'static {
    /// The stored events that it is made of.
    #[cfg(test)]
    const KINDS: &'static [&'static str];

    fn read(event: &Recorded) -> Option<Self>;

    fn reset(reset: StreamReset) -> Self;

    fn bookmark(bookmark: StreamBookmark) -> Self;
}

pub(in crate::graphql) fn cursor(position: i64) -> String {
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
pub(in crate::graphql) async fn follow<E: Happening>(
    scope: &Arc<Scope>,
    after: Option<&str>,
) -> Result<impl Stream<Item = Result<E>> + use<E>, ApiError> {
    let after = after.map(position).transpose()?;
    let (first, cursor_at) = match scope.follow(after).await? {
        Start::From(at) => (None, at),
        Start::Reset(at) => (Some(reset(scope, &at)), at),
    };
    let following = Following {
        told: cursor_at.at(),
        // Whoever was given no cursor has none to come back with.
        is_told: after.is_some() || first.is_some(),
        is_stopping: false,
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
    /// Where the stream began, or the newest place that the client was told.
    told: i64,
    is_told: bool,
    is_stopping: bool,
}

impl<E: Happening> Following<E> {
    async fn next(mut self) -> Option<(Result<E>, Self)> {
        let stop = self.scope.state().stop.clone();
        loop {
            if let Some((seq, event)) = self.ready.pop_front() {
                let tenant = self.scope.tenant();
                self.scope.remember(Some(ConsistencyToken { tenant, seq }));
                (self.told, self.is_told) = (seq, true);
                return Some((Ok(event), self));
            }
            let at = self.cursor.as_mut()?;
            if at.is_lost() {
                let error = slow(at);
                self.cursor = None;
                return Some((Err(error.into()), self));
            }
            let place = at.at();
            let is_last = self.is_stopping && !(self.is_told && self.told == place);
            if is_last || place - self.told >= BOOKMARK_EVERY {
                (self.told, self.is_told) = (place, true);
                let bookmark = StreamBookmark {
                    cursor: cursor(place),
                    at: DateTime(self.scope.state().store().now()),
                };
                return Some((Ok(E::bookmark(bookmark)), self));
            }
            let events = tokio::select! {
                events = at.next() => events,
                () = stop.cancelled(), if !self.is_stopping => {
                    self.is_stopping = true;
                    continue;
                }
            };
            match events {
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

/// What an event happened to, at least as new as the event.
pub(in crate::graphql) async fn entity<S: State>(
    context: &Context<'_>,
    of: Option<S::Id>,
    seq: i64,
) -> Result<Option<S>, ApiError> {
    let Some(id) = of else {
        return Ok(None);
    };
    let scope = scope(context)?;
    S::admit(scope).await?;
    S::after(scope, id, seq).await
}
