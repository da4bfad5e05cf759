//! Server-sent events, one operation per connection: for networks that do not carry sockets.
//!
//! `next` events, then `complete`. A refusal of the operation is a `next` too, because an `EventSource` cannot read a
//! status. Whose token ends, or who may do something else than before, is cut off without `complete` and comes again.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use super::{
    LAST_WORDS,
    protocol::Answer,
    run::{self, Client, Outlet},
    sockets::Seat,
};
use crate::{
    ApiError,
    engine::Operation,
    http::{Door, Shared, SignedIn},
};

/// Answers that wait for the client.
const QUEUE: usize = 8;
const TICK: Duration = Duration::from_secs(1);
const RECHECK_EVERY: u64 = 5;
const KEEP_ALIVE_EVERY: u64 = 15;

/// The stream of an operation's answers.
pub(crate) async fn events(door: Door, client: Client, operation: Operation) -> Result<Response, ApiError> {
    let signed_in = client.signed_in.clone();
    let shared = &door.shared;
    let seat = shared.sockets.sit(&shared.state, signed_in.viewer).await;
    let seat = seat.ok_or_else(|| {
        ApiError::new(
            simpul_domain::Code::LimitReached,
            "A user has too many live connections",
        )
    })?;
    if signed_in.standing.disabled {
        let text = "The tenant is not active";
        return Err(ApiError::new(simpul_domain::Code::Forbidden, text));
    }
    let (sender, receiver) = mpsc::channel::<Bytes>(QUEUE);
    let tasks = door.shared.state.tasks.clone();
    tasks.spawn(async move {
        let client_gone = sender.clone();
        let mut outlet = Events(sender.clone());
        tokio::select! {
            () = run::run(&door, client, operation, &mut outlet) => {}
            () = watch(&door.shared, &signed_in, seat, sender) => {}
            () = client_gone.closed() => {}
        }
    });
    let body = stream::unfold(receiver, |mut receiver| async move {
        let chunk = receiver.recv().await?;
        Some((Ok::<_, Infallible>(chunk), receiver))
    });
    let content_type = HeaderValue::from_static("text/event-stream; charset=utf-8");
    let headers = [(header::CONTENT_TYPE, content_type)];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Returns when the connection may not go on.
async fn watch(shared: &Shared, signed_in: &SignedIn, _seat: Seat, sender: mpsc::Sender<Bytes>) {
    let mut ticks = tokio::time::interval_at(Instant::now() + TICK, TICK);
    for second in 1_u64.. {
        tokio::select! {
            () = shared.state.stop.cancelled() => {
                tokio::time::sleep(LAST_WORDS).await;
                return;
            }
            _ = ticks.tick() => {}
        }
        if shared.state.store().now() >= signed_in.until {
            return;
        }
        if second % KEEP_ALIVE_EVERY == 0 {
            // A full queue keeps itself alive.
            let _ = sender.try_send(Bytes::from_static(b":\n\n"));
        }
        if second % RECHECK_EVERY == 0
            && let Ok(false) = signed_in.still_stands(&shared.state).await
        {
            return;
        }
    }
}

struct Events(mpsc::Sender<Bytes>);

impl Events {
    async fn event(&self, name: &str, data: &str) -> bool {
        let text = format!("event: {name}\ndata: {data}\n\n");
        self.0.send(Bytes::from(text)).await.is_ok()
    }
}

impl Outlet for Events {
    async fn put(&mut self, answer: Answer) -> bool {
        match answer {
            Answer::Next(result) => self.event("next", &result.to_string()).await,
            Answer::Failed(errors) => {
                let refused: Value = json!({ "errors": errors });
                self.event("next", &refused.to_string()).await && self.event("complete", "").await
            }
            Answer::Done => self.event("complete", "").await,
        }
    }
}
