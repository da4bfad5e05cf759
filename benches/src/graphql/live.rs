//! A thousand sockets that listen to one tenant: from an event's own instant to the last of them.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use axum::http::{HeaderValue, header};
use chrono::{DateTime, Utc};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use simpul_event_store::EventStore;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use super::{against_limit, http::Client, process::Server, rig::Rig};
use crate::report::{Line, percentile};

const SOCKETS: usize = 1_000;
/// As many as one user may hold.
const PER_USER: usize = 10;
const EVENTS: usize = 40;
const PAUSE: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_mins(1);
/// SPEC section 19.
const LIMIT_MS: f64 = 200.0;
const LISTEN: &str = "subscription { routerEvents { ... on RouterRegistered { at cursor } } }";
const REGISTER: &str = "mutation($input: RouterRegisterInput!) { routerRegister(input: $input) {
    router { id } userErrors { code } } }";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An event's own instant, and how many milliseconds later it arrived.
type Delivery = (DateTime<Utc>, f64);

/// What all listeners have heard.
#[derive(Clone)]
struct Heard {
    store: EventStore,
    /// Sockets that have heard anything.
    awake: Arc<AtomicUsize>,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
}

impl Heard {
    fn count(&self) -> usize {
        self.deliveries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    fn put(&self, at: DateTime<Utc>) {
        let late = (self.store.now() - at).to_std().unwrap_or_default();
        let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        deliveries.push((at, late.as_secs_f64() * 1e3));
    }

    /// Waits until `so`.
    async fn until(&self, what: &str, so: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !so(self) {
            ensure!(Instant::now() < deadline, "waited in vain until {what}");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

pub(super) async fn run(rig: &Rig, product: &Server) -> anyhow::Result<Vec<Line>> {
    let heard = Heard {
        store: rig.store.clone(),
        awake: Arc::default(),
        deliveries: Arc::default(),
    };
    let mut listening = JoinSet::new();
    for token in rig.staff(SOCKETS / PER_USER).await? {
        for _ in 0..PER_USER {
            let socket = open(product.port, &token).await?;
            listening.spawn(listen(socket, heard.clone()));
        }
    }
    let mut client = Client::connect(product.port, &rig.token).await?;
    let deadline = Instant::now() + PATIENCE;
    while heard.awake.load(Ordering::Relaxed) < SOCKETS {
        ensure!(Instant::now() < deadline, "not every socket listens");
        register(&mut client).await?;
        sleep(PAUSE).await;
    }
    // Whatever was sent to wake the last of them is older than what is measured.
    sleep(PAUSE).await;
    let since = rig.store.now();
    let mut tick = interval(PAUSE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..EVENTS {
        tick.tick().await;
        register(&mut client).await?;
    }
    let measured = |heard: &Heard| -> Vec<f64> {
        let deliveries = heard.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        let measured = deliveries.iter().filter(|(at, _)| *at >= since);
        measured.map(|(_, late)| *late).collect()
    };
    heard
        .until("every socket has heard every event", |heard| {
            heard.count() >= SOCKETS * EVENTS && measured(heard).len() == SOCKETS * EVENTS
        })
        .await?;
    let resident = product.resident_mib()?;
    listening.abort_all();
    Ok(vec![
        against_limit(
            "event to subscriber, 1,000 sockets, p99 (limit)",
            LIMIT_MS,
            percentile(&measured(&heard), 0.99),
        ),
        Line::lower_is_better(
            "memory with 1,000 sockets (limit)",
            "MiB",
            &[resident],
            &[1_024.0],
        ),
    ])
}

async fn register(client: &mut Client) -> anyhow::Result<()> {
    let input = json!({
        "name": "R", "host": "10.9.0.1", "port": 8728, "tls": "PLAIN", "username": "simpul", "password": "x",
    });
    let body = json!({ "query": REGISTER, "variables": { "input": input } });
    let data = client.data(body.to_string().into(), None).await?;
    let errors = &data["routerRegister"]["userErrors"];
    ensure!(*errors == json!([]), "{errors}");
    Ok(())
}

/// A socket that has asked for the events of routers.
async fn open(port: u16, token: &str) -> anyhow::Result<Socket> {
    let mut request = format!("ws://127.0.0.1:{port}/graphql").into_client_request()?;
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    request
        .headers_mut()
        .insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    let (mut socket, _) = connect_async(request).await?;
    let init =
        json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } });
    socket.send(Message::text(init.to_string())).await?;
    let acknowledged = socket.next().await.context("an answer")??;
    ensure!(
        acknowledged.to_text()?.contains("connection_ack"),
        "{acknowledged}"
    );
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": LISTEN } });
    socket.send(Message::text(subscribe.to_string())).await?;
    Ok(socket)
}

async fn listen(mut socket: Socket, heard: Heard) -> anyhow::Result<()> {
    let mut first = true;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        let message: Value = serde_json::from_str(&text)?;
        let at = message.pointer("/payload/data/routerEvents/at");
        let at = at.and_then(Value::as_str).context("not an event")?;
        heard.put(at.parse()?);
        if std::mem::take(&mut first) {
            heard.awake.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
