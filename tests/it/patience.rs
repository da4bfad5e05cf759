//! Whoever sends a body byte by byte is refused in the end, and holds nobody up meanwhile.
#![expect(clippy::disallowed_methods, reason = "a client of the server under test")]

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::world::{Way, World};

const SLOW: usize = 50;
/// Between two bytes: each arrives sooner than any limit on silence.
const PAUSE: Duration = Duration::from_millis(200);
/// The server waits 10 s for a body.
const LIMIT: Duration = Duration::from_mins(1);

/// Sends the head and then the body byte by byte; the answer.
async fn trickle(port: u16, authorization: String) -> String {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
    let (mut hears, mut says) = stream.into_split();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{authorization}\
         Content-Length: 10000\r\nConnection: close\r\n\r\n"
    );
    says.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    let hearing = hears.read_to_string(&mut answer);
    let saying = async {
        while says.write_all(b" ").await.is_ok() {
            sleep(PAUSE).await;
        }
        std::future::pending::<()>().await;
    };
    let ended = async {
        tokio::select! {
            heard = hearing => drop(heard),
            () = saying => {}
        }
    };
    timeout(LIMIT, ended).await.expect("an end in time");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_trickles_is_refused_and_holds_nobody_up() {
    let world = World::start(Way::Store).await;
    let alive = world.ask("{__typename}", Value::Null).await;
    let port = world.address().port().expect("a port");
    let mut slow = JoinSet::new();
    for number in 0..SLOW {
        // Also those who do not say who they are.
        let authorization = match number % 2 {
            0 => format!("Authorization: Bearer {}\r\n", world.token()),
            _ => String::new(),
        };
        slow.spawn(trickle(port, authorization));
    }
    let mut answered = 0;
    while !slow.is_empty() {
        tokio::select! {
            Some(ended) = slow.join_next() => {
                let answer = ended.expect("a client");
                let refused = ["HTTP/1.1 400", "HTTP/1.1 401"].iter().any(|status| answer.starts_with(status));
                assert!(refused, "{answer:?}");
            }
            again = world.ask("{__typename}", Value::Null) => {
                assert_eq!(again, alive);
                answered += 1;
                sleep(PAUSE).await;
            }
        }
    }
    assert_eq!(alive["data"], json!({ "__typename": "Query" }));
    assert!(answered >= 5, "{answered} answers while they were slow");
}
