//! Parked events: a retry loses nothing that is parked while it runs.

use std::sync::Mutex;

use simpul_domain::TenantId;
use simpul_event_store::{
    Recorded,
    feed::{HandlerError, Reactor, Runner, RunnerSettings},
};

use crate::{
    counter::{add, dispatch, ready},
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
