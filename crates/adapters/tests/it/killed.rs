//! A broker of the test's own, killed while events are published.

use std::time::{Duration, Instant};

use simpul_testkit::OwnBroker;

use crate::{
    rig::{Rig, broker, until},
    tally::{bump, tenant},
};

/// RabbitMQ 3.10 forgets a quorum queue that was declared a moment before it is killed (its names are flushed
/// later): the test is about messages, so the queues are older than that.
const SETTLED: Duration = Duration::from_secs(4);
const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_while_events_are_published_loses_nothing_and_repeats_have_no_effect() {
    let mut node = OwnBroker::start().await;
    let mut rig = Rig::idle().await;
    let broker = broker(node.url(), &rig.consumer);
    rig.relay(broker.clone());
    rig.queues(broker);
    bump(&rig.store(), tenant(1), "t").await;
    until("the first was consumed", LIMIT, async || rig.consumer.count() > 0).await;
    let declared = Instant::now();
    let mut published: i64 = 1;
    while published < 400 || declared.elapsed() < SETTLED {
        bump(&rig.store(), tenant(1), "t").await;
        published += 1;
    }
    node.kill();
    for _ in 0..100 {
        bump(&rig.store(), tenant(1), "t").await;
        published += 1;
    }
    node.up().await;
    let all = usize::try_from(published).expect("a number");
    until("every event was consumed", LIMIT, async || {
        rig.consumer.count() >= all
    })
    .await;
    let mut seen = rig.consumer.seen(tenant(1));
    seen.sort_unstable();
    assert_eq!(seen, (1..=published).collect::<Vec<i64>>(), "each once");
    rig.abandon().await;
}
