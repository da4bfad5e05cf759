//! The door from outside, by bytes.

use std::num::NonZeroU32;

use axum::{extract::WebSocketUpgrade, routing::get};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{seats::Tally, *};

const PATIENCE: Patience = Patience {
    first_head: Duration::from_millis(300),
    head: Duration::from_millis(300),
    taking: Duration::from_secs(30),
    telling: Duration::from_secs(30),
    drain: Duration::from_millis(600),
    last_answers: Duration::from_millis(600),
};
/// For what is expected to happen, on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

struct Door {
    address: SocketAddr,
    seats: Seats,
    stop: CancellationToken,
    serving: JoinSet<()>,
}

impl Door {
    async fn open(patience: Patience) -> Self {
        Self::with_room(patience, 100).await
    }

    async fn with_room(patience: Patience, total: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let peer = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string();
        let routes = Router::new()
            .route("/peer", get(peer))
            .route("/much", get(async || "a".repeat(64 * 1024 * 1024)))
            .route("/never", get(std::future::pending::<()>))
            .route("/socket", get(socket));
        let seats = Seats::new(Room {
            total,
            per_address: NonZeroU32::MAX,
            proxies: Vec::new(),
        });
        let stop = CancellationToken::new();
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, routes, seats.clone(), stop.clone(), patience));
        Self {
            address,
            seats,
            stop,
            serving,
        }
    }

    async fn enter(&self) -> std::io::Result<TcpStream> {
        #[expect(clippy::disallowed_methods, reason = "to the door under test")]
        TcpStream::connect(self.address).await
    }

    async fn until(&self, what: &str, so: impl Fn(Tally) -> bool) {
        let seen = timeout(LIMIT, async {
            while !so(self.seats.tally()) {
                sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(seen.await.is_ok(), "{what}: {:?}", self.seats.tally());
    }

    /// Says something, and hears what follows until the connection ends.
    async fn exchange(&self, said: &str) -> std::io::Result<String> {
        let mut stream = self.enter().await?;
        stream.write_all(said.as_bytes()).await?;
        let mut heard = String::new();
        let reading = stream.read_to_string(&mut heard);
        timeout(LIMIT, reading).await.expect("an end in time")?;
        Ok(heard)
    }
}

/// Holds what it gets.
async fn socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move { while socket.recv().await.is_some() {} })
}

const UPGRADE: &str = "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn whoever_finds_no_room_is_told_so_and_a_seat_that_was_left_is_free() {
    let patience = Patience {
        first_head: LIMIT,
        ..PATIENCE
    };
    let door = Door::with_room(patience, 2).await;
    let (silent, mut listening) = (door.enter().await.expect("in"), door.enter().await.expect("in"));
    listening.write_all(UPGRADE.as_bytes()).await.expect("said");
    let mut heard = [0; 12];
    listening.read_exact(&mut heard).await.expect("an answer");
    assert_eq!(&heard, b"HTTP/1.1 101");
    door.until("both have seats, the one that became a socket too", |tally| {
        tally.open == 2
    })
    .await;
    let refused = door
        .exchange("POST /peer HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        .await
        .expect("told");
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    for part in ["connection: close", "retry-after: ", "UNAVAILABLE"] {
        assert!(refused.contains(part), "{part} in {refused}");
    }
    drop((silent, listening));
    door.until("nobody is there", |tally| tally.open == 0).await;
    let served = door
        .exchange("GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .expect("served");
    assert!(served.starts_with("HTTP/1.1 200"), "{served}");
    assert_eq!(door.seats.tally().full, 1);
}

#[tokio::test]
async fn whoever_takes_nothing_of_what_was_asked_for_is_left() {
    let patience = Patience {
        taking: Duration::from_millis(300),
        ..PATIENCE
    };
    let door = Door::open(patience).await;
    let mut greedy = door.enter().await.expect("in");
    greedy
        .write_all(b"GET /much HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .expect("said");
    door.until("the seat is given back", |tally| {
        tally.too_slow == 1 && tally.open == 0
    })
    .await;
    drop(greedy);
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
