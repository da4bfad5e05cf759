//! Clients that register customers and try again under the same key until they are told that it is done.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use secrecy::SecretString;
use serde_json::{Value, json};
use simpul_adapters::egress::{Egress, HttpClient, Policy};
use simpul_chaos::history::{History, Told};
use tokio::{task::JoinSet, time::sleep};
use url::Url;

use crate::world::World;

const REGISTER: &str = "mutation Register($input: CustomerRegisterInput!) {
    customerRegister(input: $input) { userErrors { code message } }
}";
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(40);
/// How long clients are given to hear of what they have begun.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// How clients of a crowd behave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manners {
    pub(super) clients: usize,
    /// How many of a hundred tries are given up before they are answered.
    pub(super) impatient_percent: u8,
    /// Within this time.
    pub(super) impatience_ms: u64,
    pub(super) seed: u64,
}

impl Manners {
    pub(super) const fn patient(clients: usize) -> Self {
        Self {
            clients,
            impatient_percent: 0,
            impatience_ms: 1,
            seed: 0,
        }
    }
}

/// Clients at work, until they are told to stop.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) history: Arc<History>,
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Crowd {
    /// `name` begins the codes of the customers: capitals.
    pub(super) fn gather(world: &World, token: &SecretString, name: &str, manners: Manners) -> Self {
        let url: Url = world.front_door().parse().expect("a URL");
        let (history, stop) = (Arc::new(History::default()), Arc::new(AtomicBool::new(false)));
        let mut clients = JoinSet::new();
        for number in 0..manners.clients {
            let client = Client {
                http: Egress::new(Policy::development())
                    .expect("a guard")
                    .http()
                    .clone(),
                url: url.clone(),
                token: token.clone(),
                name: format!("{name}{number:02}"),
                rng: fastrand::Rng::with_seed(manners.seed ^ number as u64),
                manners,
                history: Arc::clone(&history),
                stop: Arc::clone(&stop),
            };
            clients.spawn(client.work());
        }
        Self {
            history,
            stop,
            clients,
        }
    }

    /// Waits until so many more calls have succeeded.
    pub(super) async fn succeeds(&self, world: &World, more: usize) {
        let wanted = self.history.count(Told::Ok) + more;
        world
            .until("clients are served", async || {
                self.history.count(Told::Ok) >= wanted
            })
            .await;
    }

    /// Lets every client finish what it has begun, where it is told so in time.
    pub(super) async fn disperse(mut self) -> Arc<History> {
        self.stop.store(true, Ordering::Relaxed);
        let finished = tokio::time::timeout(LAST_WORDS, async {
            while let Some(ended) = self.clients.join_next().await {
                ended.expect("a client");
            }
        });
        assert!(finished.await.is_ok(), "clients wait in vain for an answer");
        Arc::clone(&self.history)
    }
}

struct Client {
    http: HttpClient,
    url: Url,
    token: SecretString,
    name: String,
    rng: fastrand::Rng,
    manners: Manners,
    history: Arc<History>,
    stop: Arc<AtomicBool>,
}

impl Client {
    async fn work(mut self) {
        let mut number = 0_u32;
        while !self.stop.load(Ordering::Relaxed) {
            number += 1;
            let code = format!("{}-{number:05}", self.name);
            while self.try_once(&code).await != Told::Ok {
                sleep(PAUSE).await;
            }
        }
    }

    async fn try_once(&mut self, code: &str) -> Told {
        let start = self.history.now();
        let impatient = self.rng.u8(..100) < self.manners.impatient_percent;
        let stopping = self.stop.load(Ordering::Relaxed);
        let patience = Duration::from_millis(self.rng.u64(..self.manners.impatience_ms));
        let call = self.call(code);
        let told = if impatient && !stopping {
            tokio::time::timeout(patience, call)
                .await
                .unwrap_or(Told::Unknown)
        } else {
            call.await
        };
        self.history.record(code, start, told);
        told
    }

    async fn call(&self, code: &str) -> Told {
        let input = json!({
            "code": code, "name": "Siti", "phone": "0812-3456-7890", "idempotencyKey": code,
        });
        let sent = self
            .http
            .post(self.url.clone())
            .expect("allowed")
            .secret_header(http::header::AUTHORIZATION, "Bearer ", &self.token)
            .expect("a header")
            .json(&json!({ "query": REGISTER, "variables": { "input": input } }))
            .send()
            .await;
        let Ok(reply) = sent else {
            return Told::Unknown;
        };
        if matches!(reply.status, 503 | 429) {
            return Told::Refused;
        }
        let Ok(body) = reply.json::<Value>() else {
            return Told::Unknown;
        };
        let errors = &body["data"]["customerRegister"]["userErrors"];
        assert_eq!((reply.status, errors), (200, &json!([])), "{code}: {body}");
        Told::Ok
    }
}

/// Settings of a server that is asked as often as it can answer.
pub(super) fn without_limits() -> Vec<(String, String)> {
    [
        "SIMPUL_LIMITS__ADDRESS_REQUESTS_PER_MINUTE",
        "SIMPUL_LIMITS__USER_REQUESTS_PER_MINUTE",
        "SIMPUL_LIMITS__STAFF__USER_POINTS_PER_MINUTE",
        "SIMPUL_LIMITS__STAFF__TENANT_POINTS_PER_MINUTE",
    ]
    .map(|name| (name.to_owned(), "10000000".to_owned()))
    .into_iter()
    .chain([(
        "SIMPUL_LIMITS__STAFF__OPERATION_POINTS".to_owned(),
        "1000".to_owned(),
    )])
    .collect()
}
