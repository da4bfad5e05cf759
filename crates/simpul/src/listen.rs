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

/// Connections at a time; others wait in the kernel.
const MAX_CONNECTIONS: usize = 10_000;
/// After an error of the socket itself, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For a client to say what it wants, also on a connection that it has used before. Longer than the 60 s for
    /// which proxies keep connections, so that none sends a request into one that is being closed.
    head: Duration,
    /// For proxies to notice that requests belong elsewhere.
    drain: Duration,
    /// For answers once no more requests are taken. What they do goes on without them.
    last_answers: Duration,
}

impl Patience {
    pub(crate) const fn draining(drain: Duration) -> Self {
        Self {
            head: Duration::from_secs(75),
            drain,
            last_answers: Duration::from_secs(5),
        }
    }
}

/// Serves until `stop`, and a moment longer.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    stop: CancellationToken,
    patience: Patience,
) {
    let (closed, seats) = (
        CancellationToken::new(),
        Arc::new(Semaphore::new(MAX_CONNECTIONS)),
    );
    let mut connections = JoinSet::new();
    let mut drained = pin!(async {
        stop.cancelled().await;
        sleep(patience.drain).await;
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
                    connection(stream, peer, routes, closed, patience.head).await;
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
    let ended = timeout(patience.last_answers, async {
        while connections.join_next().await.is_some() {}
    });
    if ended.await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut");
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    closed: CancellationToken,
    head: Duration,
) {
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
    builder.timer(TokioTimer::new()).header_read_timeout(head);
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

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const PATIENCE: Patience = Patience {
        head: Duration::from_millis(300),
        drain: Duration::from_millis(600),
        last_answers: Duration::from_millis(600),
    };
    /// For what is expected to happen, on a busy machine.
    const LIMIT: Duration = Duration::from_secs(30);

    struct Door {
        address: SocketAddr,
        stop: CancellationToken,
        serving: JoinSet<()>,
    }

    impl Door {
        async fn open(patience: Patience) -> Self {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let peer = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string();
            let routes = Router::new()
                .route("/peer", get(peer))
                .route("/never", get(std::future::pending::<()>));
            let stop = CancellationToken::new();
            let mut serving = JoinSet::new();
            serving.spawn(serve(listener, routes, stop.clone(), patience));
            Self {
                address,
                stop,
                serving,
            }
        }

        /// Says something, and hears what follows until the connection ends.
        async fn exchange(&self, said: &str) -> std::io::Result<String> {
            #[expect(clippy::disallowed_methods, reason = "to the door under test")]
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(said.as_bytes()).await?;
            let mut heard = String::new();
            let reading = stream.read_to_string(&mut heard);
            timeout(LIMIT, reading).await.expect("an end in time")?;
            Ok(heard)
        }
    }

    #[tokio::test]
    async fn whoever_says_nothing_or_half_of_it_is_left() {
        let door = Door::open(PATIENCE).await;
        assert_eq!(door.exchange("").await.expect("closed"), "");
        let half = door
            .exchange("GET /peer HTTP/1.1\r\nHost: a\r\n")
            .await
            .expect("closed");
        assert!(!half.starts_with("HTTP/1.1 200"), "{half}");
        let idle = door
            .exchange("GET /peer HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .expect("closed");
        assert!(
            idle.starts_with("HTTP/1.1 200") && idle.contains("127.0.0.1:"),
            "{idle}"
        );
    }

    #[tokio::test]
    async fn told_to_stop_it_answers_a_moment_longer_and_ends_what_does_not() {
        let mut door = Door::open(PATIENCE).await;
        let hanging = door.exchange("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
        let ended = async {
            sleep(Duration::from_millis(100)).await;
            door.stop.cancel();
            let last = door
                .exchange("GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .await;
            assert!(last.expect("still served").starts_with("HTTP/1.1 200"));
        };
        let (cut, ()) = tokio::join!(hanging, ended);
        assert!(
            cut.is_err() || cut.is_ok_and(|heard| heard.is_empty()),
            "it was never answered"
        );
        let done = timeout(LIMIT, door.serving.join_next()).await;
        assert!(matches!(done, Ok(Some(Ok(())))), "it ends");
        assert!(door.exchange("").await.is_err(), "nobody listens");
    }
}
