//! The smallest aggregate, to have something to publish.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::json;
use simpul_domain::{Code, Coded, CommandId, CorrelationId, Decider, TenantId, aggregate, stored_events};
use simpul_event_store::{Actor, Context, EventStore, Work};
use uuid::Uuid;

/// Stored name of the only event.
pub(crate) const BUMPED: &str = "test.tally.bumped";

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    bumps: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bumped {
    pub(crate) to: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TallyEvent {
    #[serde(rename = "test.tally.bumped")]
    Bumped(Bumped),
}

stored_events!(TallyEvent { Bumped => "test.tally.bumped", "1"; });

#[derive(Debug, Clone, Copy)]
pub(crate) struct Bump;

#[derive(Debug, thiserror::Error)]
#[error("never")]
pub(crate) struct Never;

impl Coded for Never {
    fn code(&self) -> Code {
        Code::InternalError
    }
}

impl Decider for Tally {
    const TYPE: &'static str = "test.tally";
    const STATE_VERSION: i32 = 1;
    type Command = Bump;
    type Event = TallyEvent;
    type Error = Never;

    fn decide(&self, Bump: Bump) -> Result<Vec<TallyEvent>, Never> {
        Ok(vec![TallyEvent::Bumped(Bumped { to: self.bumps + 1 })])
    }

    fn evolve(&mut self, event: &TallyEvent) {
        let TallyEvent::Bumped(bumped) = event;
        self.bumps = bumped.to;
    }
}

aggregate!(Tally);

static COMMANDS: AtomicU64 = AtomicU64::new(1);

pub(crate) fn tenant(number: u128) -> TenantId {
    TenantId::new(Uuid::from_u128(number))
}

/// Appends one event to a stream of its own tenant.
pub(crate) async fn bump(store: &EventStore, tenant: TenantId, stream: &str) {
    let number = COMMANDS.fetch_add(1, Ordering::Relaxed);
    let context = Context {
        tenant,
        actor: Actor::System("test"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(Uuid::from_u128(u128::from(number))),
        cause: None,
        command_id: CommandId::new(Uuid::from_u128(u128::from(number))),
        effective_at: None,
        dry_run: false,
        expected_version: None,
    };
    let mut work = Work::new(store, &context);
    work.decide::<Tally>(stream, Bump)
        .await
        .expect("a bump is never refused");
    work.commit("test.bump", &[0; 32], &json!(null))
        .await
        .expect("appended");
}
