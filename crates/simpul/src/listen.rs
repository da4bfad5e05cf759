//! The socket of the front door: takes connections, leaves those that say nothing, and empties itself before it closes.
//!
//! Told to stop, it goes on for a moment: whoever asks `/ready` hears that the next request belongs elsewhere before
//! this one is refused. Then it takes no more connections, and those that are answered are ended.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// How long a client may take to say what it wants, also on a connection that it has used before. Longer than the 60 s
/// for which proxies keep connections, so that none sends a request into one that is being closed.
const HEAD_DEADLINE: Duration = Duration::from_secs(75);
/// Connections at a time; others wait in the kernel.
const MAX_CONNECTIONS: usize = 10_000;
/// How long answers may take once no more requests are taken. What they do goes on without them.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// After an error of the socket itself, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, and `drain` longer.
pub(crate) async fn serve(listener: TcpListener, routes: Router, stop: CancellationToken, drain: Duration) {
    let (closed, seats) = (
        CancellationToken::new(),
        Arc::new(Semaphore::new(MAX_CONNECTIONS)),
    );
    let mut connections = JoinSet::new();
    let mut drained = pin!(async {
        stop.cancelled().await;
        sleep(drain).await;
    });
    loop {
        let next = async {
            let seat = Arc::clone(&seats).acquire_owned().await;
            (listener.accept().await, seat)
        };
        let (accepted, seat) = tokio::select! {
            () = &mut drained => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (routes, closed) = (routes.clone(), closed.clone());
                connections.spawn(async move {
                    let _seat = seat;
                    connection(stream, peer, routes, closed).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                sleep(PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    closed.cancel();
    let ended = timeout(LAST_ANSWERS, async {
        while connections.join_next().await.is_some() {}
    });
    if ended.await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, routes: Router, closed: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection has ended before it began");
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let routes = routes.clone();
        async move { routes.oneshot(request).await }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE);
    let mut connection = pin!(
        builder
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = closed.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
