//! The load: an aggregate whose events look like ours, and clients that run for one turn.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use simpul_domain::{Code, Coded, CorrelationId, Decider, TenantId, aggregate, stored_events};
use simpul_event_store::{Actor, Context, EventStore, Work};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::report::TURN;

/// About 300 bytes as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Written {
    pub(crate) number: i64,
    pub(crate) customer: String,
    pub(crate) period: String,
    pub(crate) amount: i64,
    pub(crate) text: String,
}

impl Written {
    pub(crate) fn sample(number: i64) -> Self {
        Self {
            number,
            customer: "cus_01jd8q4m6wfx3v2k7n5r9t0abc".to_owned(),
            period: "2027-01".to_owned(),
            amount: 185_000,
            text: "Internet rumah 20 Mbps, tagihan bulanan; dibayar lewat QRIS. ".repeat(3),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum NoteEvent {
    #[serde(rename = "bench.note.written")]
    Written(Written),
}

stored_events!(NoteEvent { Written => "bench.note.written", "1"; });

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) count: i64,
    pub(crate) amount: i64,
}

#[derive(Debug, thiserror::Error)]
#[error("never")]
pub(crate) struct Never;

impl Coded for Never {
    fn code(&self) -> Code {
        Code::InternalError
    }
}

impl Decider for Note {
    const TYPE: &'static str = "bench.note";
    const STATE_VERSION: i32 = 1;
    /// How many events to write.
    type Command = i64;
    type Event = NoteEvent;
    type Error = Never;

    fn decide(&self, count: i64) -> Result<Vec<NoteEvent>, Never> {
        Ok((1..=count)
            .map(|index| NoteEvent::Written(Written::sample(self.count + index)))
            .collect())
    }

    fn evolve(&mut self, event: &NoteEvent) {
        let NoteEvent::Written(written) = event;
        self.count += 1;
        self.amount += written.amount;
    }
}

aggregate!(Note);

pub(crate) fn tenant(number: u64) -> TenantId {
    TenantId::new(Uuid::from_u128(
        0x0192_0000_0000_7000_8000_0000_0000_0000 | u128::from(number),
    ))
}

pub(crate) fn context(store: &EventStore, tenant: TenantId) -> Context {
    let command_id = store.new_command_id();
    Context {
        tenant,
        actor: Actor::System("bench"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(command_id.as_uuid()),
        cause: None,
        command_id,
        effective_at: None,
        dry_run: false,
        expected_version: None,
    }
}

/// Gives a tenant's log `streams` new streams of `length` events, a thousand events at a time.
pub(crate) async fn fill(
    store: &EventStore,
    tenant: TenantId,
    streams: i64,
    length: i64,
) -> anyhow::Result<()> {
    let names: Vec<String> = (0..streams).map(|_| new_stream()).collect();
    let at_once = usize::try_from((1_000 / length).max(1))?;
    for names in names.chunks(at_once) {
        let context = context(store, tenant);
        let mut work = Work::new(store, &context);
        for name in names {
            work.begin::<Note>(name);
            work.decide::<Note>(name, length).await?;
        }
        work.commit("bench", &[0; 32], &Value::Null).await?;
    }
    Ok(())
}

static STREAMS: AtomicU64 = AtomicU64::new(0);

/// A stream id that nobody has used, as long as ours are.
pub(crate) fn new_stream() -> String {
    format!("nte_{:026}", STREAMS.fetch_add(1, Ordering::Relaxed))
}

/// Lets every client call again and again for one turn; events per second of all of them.
pub(crate) async fn turn<C, F>(clients: u64, make: impl Fn(u64) -> C) -> anyhow::Result<f64>
where
    C: FnMut() -> F + Send + 'static,
    F: Future<Output = anyhow::Result<u64>> + Send,
{
    let started = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..clients {
        let mut call = make(number);
        running.spawn(async move {
            let mut events = 0;
            while started.elapsed() < TURN {
                events += call().await?;
            }
            anyhow::Ok(events)
        });
    }
    let mut events = 0;
    while let Some(done) = running.join_next().await {
        events += done??;
    }
    Ok(per_second(events, started.elapsed()))
}

pub(crate) fn per_second(events: u64, elapsed: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let events = events as f64;
    events / elapsed.as_secs_f64()
}
