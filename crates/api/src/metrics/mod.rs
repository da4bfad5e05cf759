//! What this process does, in numbers (F34, F291): for Prometheus at a port of its own, and for the platform's staff.
//!
//! - `recent`: the last five minutes, for people;
//! - `machine`: memory and load, as Linux tells them.
//!
//! INVARIANT: no label names a tenant, a user or an address: what is counted is of everybody.

mod machine;
mod recent;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use simpul_event_store::{EventStore, StoreError, inline::backlog};

use self::recent::Recent;
pub(crate) use self::{machine::Machine, recent::Summary};

/// Upper bounds of the histogram of latencies, in seconds: around what is promised (SPEC section 19).
const LATENCIES: [f64; 12] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    door: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Door {
    door: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Part {
    name: String,
    part: &'static str,
}

type Latencies = Family<Door, Histogram, fn() -> Histogram>;

/// Everything that is counted. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Metrics(Arc<Counts>);

struct Counts {
    registry: Registry,
    requests: Family<Answered, Counter>,
    latencies: Latencies,
    statements: Gauge,
    connections: Family<Part, Gauge>,
    queues: Family<Part, Gauge>,
    readers: Family<Part, Gauge>,
    memory: Gauge,
    recent: Recent,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("simpul");
        let histogram: fn() -> Histogram = || Histogram::new(LATENCIES);
        let counts = Counts {
            requests: Family::default(),
            latencies: Family::new_with_constructor(histogram),
            statements: Gauge::default(),
            connections: Family::default(),
            queues: Family::default(),
            readers: Family::default(),
            memory: Gauge::default(),
            recent: Recent::default(),
            registry: Registry::default(),
        };
        registry.register(
            "http_requests",
            "Requests that were answered",
            counts.requests.clone(),
        );
        registry.register(
            "http_request_seconds",
            "Until the head of the answer was ready",
            counts.latencies.clone(),
        );
        registry.register(
            "database_read_statements",
            "Statements of transactions that only read, since the start",
            counts.statements.clone(),
        );
        registry.register(
            "database_connections",
            "Connections of each pool",
            counts.connections.clone(),
        );
        registry.register("queue_rows", "Rows of work of all tenants", counts.queues.clone());
        registry.register(
            "subscriber_events",
            "Events of all tenants that a reader of the log has not handled",
            counts.readers.clone(),
        );
        registry.register(
            "memory_bytes",
            "Resident memory of this process",
            counts.memory.clone(),
        );
        Self(Arc::new(Counts { registry, ..counts }))
    }
}

/// Which of the server's doors a path belongs to. What is nobody's is one.
fn door(path: &str) -> &'static str {
    let below = |door: &str| {
        let rest = path.strip_prefix(door);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match path {
        _ if below("/graphql") => "staff",
        _ if below("/portal") => "portal",
        _ if below("/platform") => "platform",
        _ if below("/hooks") => "hooks",
        "/health" | "/ready" | "/.well-known/jwks.json" => "machine",
        _ => "none",
    }
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn answered(&self, path: &str, status: StatusCode, after: Duration) {
        let (door, status) = (door(path), status.as_u16());
        let counts = &self.0;
        counts.requests.get_or_create(&Answered { door, status }).inc();
        counts
            .latencies
            .get_or_create(&Door { door })
            .observe(after.as_secs_f64());
        counts.recent.answered(status, after);
    }

    /// The last five minutes.
    pub(crate) fn recent(&self) -> Summary {
        self.0.recent.summary()
    }

    /// The time that this process has counted for.
    pub(crate) fn started_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - self.0.recent.age()
    }

    /// Everything as Prometheus reads it. What the database knows is asked for; what it does not answer keeps its value.
    async fn written(&self, store: &EventStore) -> String {
        let counts = &self.0;
        for pool in store.db().pool_sizes() {
            let part = |part| Part {
                name: pool.name.to_owned(),
                part,
            };
            for (which, connections) in [("open", pool.open), ("idle", pool.idle), ("most", pool.most)] {
                counts
                    .connections
                    .get_or_create(&part(which))
                    .set(connections.into());
            }
        }
        counts
            .statements
            .set(i64::try_from(store.db().asked()).unwrap_or(i64::MAX));
        counts
            .memory
            .set(Machine::read().resident_bytes.unwrap_or_default());
        if let Err(error) = self.ask(store).await {
            tracing::warn!(%error, "queues could not be counted");
        }
        let mut text = String::new();
        // A text of this size can be written.
        let _ = encode(&mut text, &counts.registry);
        text
    }

    async fn ask(&self, store: &EventStore) -> Result<(), StoreError> {
        let mut tx = store.db().system_tx().await?;
        let queues = backlog::queues(&mut tx, store.now()).await?;
        let readers = backlog::subscribers(&mut tx).await?;
        tx.commit().await?;
        for queue in queues {
            let rows = [
                ("waiting", queue.waiting),
                ("overdue", queue.overdue),
                ("failed", queue.failed),
            ];
            for (part, rows) in rows {
                let name = queue.queue.to_owned();
                self.0.queues.get_or_create(&Part { name, part }).set(rows);
            }
        }
        for reader in readers {
            for (part, events) in [("lag", reader.lag), ("parked", reader.parked)] {
                let name = reader.subscriber.clone();
                self.0.readers.get_or_create(&Part { name, part }).set(events);
            }
        }
        Ok(())
    }

    /// `GET /metrics`, for a port that only the installation's own machines reach.
    pub fn routes(self, store: EventStore) -> Router {
        Router::new()
            .route("/metrics", get(page))
            .with_state((self, store))
    }
}

async fn page(State((metrics, store)): State<(Metrics, EventStore)>) -> Response {
    let text = metrics.written(&store).await;
    ([(header::CONTENT_TYPE, FORMAT)], text).into_response()
}
