//! The socket of the front door: takes connections as long as there is room, leaves those that say nothing, and empties
//! itself before it closes.
//!
//! Told to stop, it goes on for a moment: whoever asks `/ready` hears that the next request belongs elsewhere before
//! this one is refused. Then it takes no more connections, and those that are answered are ended.

mod descriptors;
mod seated;
mod seats;

use std::{
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

pub(crate) use self::{
    descriptors::{TooFewFiles, room},
    seats::{Room, Seats},
};
use self::{
    seated::Seated,
    seats::{NoSeat, Seat},
};

/// After an error of the socket itself, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);
/// Between two complaints that there is no room.
const COMPLAINT: Duration = Duration::from_mins(1);
/// Of what somebody says who is told that there is no room.
const MAX_UNHEARD_BYTES: usize = 64 * 1024;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For a client to say for the first time what it wants.
    first_head: Duration,
    /// For a client to say what it wants on a connection that it has used before. Longer than the 60 s for which
    /// proxies keep connections, so that none sends a request into one that is being closed.
    head: Duration,
    /// For a client to take a part of what it asked for.
    taking: Duration,
    /// For somebody to be told that there is no room.
    telling: Duration,
    /// For proxies to notice that requests belong elsewhere.
    drain: Duration,
    /// For answers once no more requests are taken. What they do goes on without them.
    last_answers: Duration,
}

impl Patience {
    pub(crate) const fn draining(drain: Duration) -> Self {
        Self {
            first_head: Duration::from_secs(10),
            head: Duration::from_secs(75),
            taking: Duration::from_secs(30),
            telling: Duration::from_secs(2),
            drain,
            last_answers: Duration::from_secs(5),
        }
    }
}

/// Serves until `stop`, and a moment longer.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    seats: Seats,
    stop: CancellationToken,
    patience: Patience,
) {
    let closed = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut complained: Option<Instant> = None;
    let mut drained = pin!(async {
        stop.cancelled().await;
        sleep(patience.drain).await;
    });
    loop {
        let accepted = tokio::select! {
            () = &mut drained => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match seats.sit(peer.ip()) {
                Ok(seat) => {
                    let (routes, closed) = (routes.clone(), closed.clone());
                    connections.spawn(connection((stream, peer), seat, routes, closed, patience));
                }
                Err(why) => {
                    if complained.is_none_or(|at| at.elapsed() > COMPLAINT) {
                        complained = Some(Instant::now());
                        tracing::warn!(%peer, ?why, tally = ?seats.tally(), "there is no room for a connection");
                    }
                    if let Some(place) = seats.stand() {
                        connections.spawn(refuse(stream, place, why, patience));
                    }
                }
            },
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                sleep(PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    closed.cancel();
    let ended = timeout(patience.last_answers, async {
        while connections.join_next().await.is_some() {}
    });
    if ended.await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut");
    }
    tracing::info!(tally = ?seats.tally(), "the front door is closed");
}

async fn connection(
    (stream, peer): (TcpStream, SocketAddr),
    seat: Seat,
    routes: Router,
    closed: CancellationToken,
    patience: Patience,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection has ended before it began");
    }
    let seats = seat.seats().clone();
    let spoken = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&spoken);
    let service = service_fn(move |request: Request<Incoming>| {
        heard.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let routes = routes.clone();
        async move { routes.oneshot(request).await }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head);
    let stream = TokioIo::new(Seated::new(stream, seat, patience.taking));
    let mut connection = pin!(builder.serve_connection(stream, service).with_upgrades());
    let silent = async {
        sleep(patience.first_head).await;
        if spoken.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = silent => {
            seats.was_too_slow();
            return;
        }
        () = closed.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Tells a client that there is no room, whatever it wants.
async fn refuse(stream: TcpStream, place: Seat, why: NoSeat, patience: Patience) {
    let service = service_fn(move |request: Request<Incoming>| async move {
        // What was sent and not read would take the answer away with it.
        let _ = axum::body::to_bytes(Body::new(request.into_body()), MAX_UNHEARD_BYTES).await;
        let mut response: Response = simpul_api::no_room(why == NoSeat::AddressFull);
        let close = axum::http::HeaderValue::from_static("close");
        response
            .headers_mut()
            .insert(axum::http::header::CONNECTION, close);
        Ok::<_, std::convert::Infallible>(response)
    });
    let stream = TokioIo::new(Seated::new(stream, place, patience.telling));
    let told = http1::Builder::new().serve_connection(stream, service);
    if !matches!(timeout(patience.telling, told).await, Ok(Ok(()))) {
        tracing::debug!("a client did not hear that there is no room");
    }
}

#[cfg(test)]
mod tests;
