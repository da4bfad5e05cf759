//! Parked events: a retry loses nothing that is parked while it runs, and nothing is parked behind what is gone.

use std::sync::{Arc, Mutex};

use simpul_domain::TenantId;
use simpul_event_store::{
    Recorded,
    feed::{HandlerError, Reactor, Runner, RunnerSettings},
};

use crate::{
    counter::{Gate, add, dispatch, ready},
    sql::Session,
};

const NAME: &str = "late";
const KEY: &str = "the key";

/// Notes what it handles. While it handles the first event, the second one is parked behind it.
struct Late {
    url: String,
    tenant: TenantId,
    handled: &'static Mutex<Vec<i64>>,
}

async fn park(url: &str, tenant: TenantId, seq: i64) {
    let sql = format!(
        "INSERT INTO es.parked (tenant_id, subscriber, tenant_seq, key, parked_at)
         VALUES ('{}', '{NAME}', {seq}, '{KEY}', now())",
        tenant.as_uuid()
    );
    Session::open(url).await.run(&sql).await.expect("parked");
}

impl Reactor for Late {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn react(&self, events: &[Recorded]) -> Result<(), HandlerError> {
        if self.handled.lock().expect("not poisoned").is_empty() {
            park(&self.url, self.tenant, 2).await;
        }
        let seqs = events.iter().map(|event| event.tenant_seq);
        self.handled.lock().expect("not poisoned").extend(seqs);
        Ok(())
    }
}

#[tokio::test]
async fn an_event_that_is_parked_during_a_retry_is_retried_too() {
    static HANDLED: Mutex<Vec<i64>> = Mutex::new(Vec::new());
    let (test, store, bus, tenant) = ready().await;
    dispatch(&bus, tenant, [add("c", 1)]).await.expect("accepted");
    dispatch(&bus, tenant, [add("c", 2)]).await.expect("accepted");
    let url = test.superuser_url();
    park(&url, tenant, 1).await;
    let late = Late {
        url: url.clone(),
        tenant,
        handled: &HANDLED,
    };
    let runner = Runner::reactor(store, late, RunnerSettings::default());
    let retried = runner.retry_parked(tenant, KEY).await.expect("retried");
    assert_eq!(retried, 2);
    assert_eq!(*HANDLED.lock().expect("not poisoned"), [1, 2]);
    let left: i64 = Session::open(&url)
        .await
        .value("SELECT count(*) FROM es.parked")
        .await;
    assert_eq!(left, 0);
}

/// Stops at its gate, if it has one, before it is done.
struct Slow {
    gate: Option<Arc<Gate>>,
    handled: Arc<Mutex<Vec<i64>>>,
}

impl Reactor for Slow {
    fn name(&self) -> &'static str {
        NAME
    }

    fn key(&self, event: &Recorded) -> String {
        if event.aggregate_id == "free" {
            return "another key".to_owned();
        }
        KEY.to_owned()
    }

    async fn react(&self, events: &[Recorded]) -> Result<(), HandlerError> {
        if let Some(gate) = &self.gate {
            gate.reached.notify_one();
            gate.open.notified().await;
        }
        let seqs = events.iter().map(|event| event.tenant_seq);
        self.handled.lock().expect("not poisoned").extend(seqs);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_parked_behind_a_key_that_was_retried_meanwhile() {
    let (test, store, bus, tenant) = ready().await;
    for counter in ["c", "c", "free"] {
        dispatch(&bus, tenant, [add(counter, 1)]).await.expect("accepted");
    }
    let url = test.superuser_url();
    let mut admin = Session::open(&url).await;
    park(&url, tenant, 1).await;
    let cursor = format!(
        "INSERT INTO es.cursors VALUES ('{NAME}', '{}', 1, 0, now())",
        tenant.as_uuid()
    );
    admin.run(&cursor).await.expect("a cursor");
    let handled = Arc::new(Mutex::new(Vec::new()));
    let runner = |gate| {
        let slow = Slow {
            gate,
            handled: Arc::clone(&handled),
        };
        Runner::reactor(store.clone(), slow, RunnerSettings::default())
    };
    let gate = Arc::new(Gate::default());
    let mut leader = runner(Some(Arc::clone(&gate)));
    let leading = async { leader.catch_up(|_| ()).await };
    let operator = async {
        gate.reached.notified().await;
        let retried = runner(None).retry_parked(tenant, KEY).await;
        assert_eq!(retried.expect("retried"), 1);
        gate.open.notify_one();
    };
    let (led, ()) = tokio::join!(leading, operator);
    assert!(
        matches!(led, Err(HandlerError::Transient(_))),
        "looked at again: {led:?}"
    );
    gate.open.notify_one();
    assert_eq!(leader.catch_up(|_| ()).await.expect("handled"), 2);
    assert_eq!(*handled.lock().expect("not poisoned"), [1, 3, 2, 3]);
    let left: i64 = admin.value("SELECT count(*) FROM es.parked").await;
    assert_eq!(left, 0);
}
