//! Runs that die, and lines that refuse.

use chrono::TimeDelta;
use serde_json::json;
use simpul_domain::{
    Decider as _, TenantId,
    customers::{Customer, CustomerCommand},
};
use simpul_event_store::{Actor, EventStore, Work, feed};
use simpul_testkit::TestDb;

use super::*;
use crate::demo::{
    bills::{self, Operator},
    seed::Hand,
};

/// More than two batches of three.
const LINES: usize = 8;

struct Bench {
    test: TestDb,
    store: EventStore,
    tenant: TenantId,
    bills: Bills,
    /// The position before the run.
    before: i64,
}

impl Bench {
    async fn start() -> Self {
        let test = TestDb::create().await;
        let store = test.store();
        let operator = Operator::found(&store).await.expect("an operator");
        operator.open(&store, 0..LINES).await.expect("lines");
        let mut bills = Bills::new(Bus::new(store.clone()));
        bills.batch = 3;
        Self {
            before: feed::head(&store, operator.tenant).await.expect("a position"),
            tenant: operator.tenant,
            test,
            store,
            bills,
        }
    }

    /// A timer that is due, leased as a scheduler does.
    async fn due(&self) -> Option<Fired> {
        let mut tx = self
            .store
            .db()
            .tenant_tx(self.tenant)
            .await
            .expect("a transaction");
        let (taker, lease) = (self.store.taker(), TimeDelta::seconds(30));
        let fired = timer::lease(&mut tx, timer::QUEUE, &taker, lease, 1).await;
        tx.commit().await.expect("committed");
        fired.expect("leased").pop()
    }

    async fn finish(&self) {
        while let Some(fired) = self.due().await {
            self.bills.fire(&fired).await.expect("fired");
        }
    }

    async fn billed(&self) -> bills::Bills {
        let read = bills::bills(&self.store, self.tenant, self.before).await;
        read.expect("the log is read")
    }

    /// So many timers as there are months to come, one for each line.
    async fn to_come(&self) -> usize {
        self.test.clock().advance(TimeDelta::days(31));
        let mut to_come = 0;
        while self.due().await.is_some() {
            to_come += 1;
        }
        to_come
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_due_together_are_billed_in_batches_with_a_number_each() {
    let bench = Bench::start().await;
    let fired = bench.due().await.expect("one is due");
    bench.bills.fire(&fired).await.expect("fired");
    let events = feed::page(&bench.store, bench.tenant, bench.before, 10)
        .await
        .expect("the log is read");
    assert_eq!(events.len(), 3, "its own bill and two others");
    assert!(
        events
            .iter()
            .all(|event| event.recorded_at == events[0].recorded_at),
        "one unit of work"
    );
    bench.finish().await;
    bench.billed().await.ensure_whole(LINES).expect("every line once");
    assert_eq!(bench.to_come().await, LINES, "each line has a next bill");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_dies_is_gone_on_with_and_bills_nobody_twice() {
    let bench = Bench::start().await;
    let fired = bench.due().await.expect("one is due");
    bench.bills.fire(&fired).await.expect("fired");
    // It dies when everything is committed and nobody knows: the same timer fires again.
    bench.bills.fire(&fired).await.expect("fired again");
    // It dies with a batch in its hands: the leases run out.
    let leader = bench.due().await.expect("one is due");
    let others = bench.bills.others(&leader).await.expect("leased");
    assert!(!others.is_empty());
    bench.test.clock().advance(TimeDelta::minutes(1));
    bench.finish().await;
    bench.billed().await.ensure_whole(LINES).expect("every line once");
    assert_eq!(bench.to_come().await, LINES, "each line has a next bill");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_cannot_be_billed_is_in_nobodys_way() {
    let bench = Bench::start().await;
    let log = feed::page(&bench.store, bench.tenant, 0, 1_000)
        .await
        .expect("the log is read");
    let registered = log.iter().find(|event| event.aggregate_type == Customer::TYPE);
    let customer = registered.expect("a customer").aggregate_id.clone();
    let bus = Bus::new(bench.store.clone());
    let hand = Hand {
        bus: &bus,
        tenant: bench.tenant,
        actor: Actor::System("test"),
    };
    let context = hand.context();
    let mut work = Work::new(&bench.store, &context);
    let erase = CustomerCommand::EraseSubject { at: work.at() };
    assert!(
        work.decide::<Customer>(&customer, erase).await.is_ok(),
        "not refused"
    );
    work.commit("test", &[0; 32], &json!(null))
        .await
        .expect("appended");
    bench.finish().await;
    bench
        .billed()
        .await
        .ensure_whole(LINES - 1)
        .expect("every other line once");
}
