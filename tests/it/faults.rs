//! The main job with faults in the way: the end is the same and nothing happens twice.

use std::time::Duration;

use simpul_adapters::standin::tripay::Callback;
use simpul_testkit::OwnBroker;
use tokio::time::sleep;

use crate::world::{Way, World};

/// RabbitMQ 3.10 forgets a quorum queue that was declared a moment before it is killed (its names are flushed
/// later): the test is about messages, so the queues are older than that.
const SETTLED: Duration = Duration::from_secs(4);

// Property 29: an operation that meets a dead connection is queued and retried.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_while_the_router_is_offline_brings_the_customer_back_when_it_returns() {
    let world = World::start(Way::Store).await;
    let order = world.isolated_and_about_to_pay().await;
    world
        .around
        .router
        .switches
        .apply_text("power refuse")
        .expect("a switch");
    world.around.tripay.pay(&order).await.expect("paid");
    world.happened("subscriptions.subscription.isolir_lifted").await;
    world.happened("network.provisioning.failed").await;
    assert_eq!(
        world.account("profile").as_deref(),
        Some("isolir"),
        "an offline router is not changed"
    );
    world.around.router.switches.reset();
    world.assert_paid_and_online().await;
}

// Property 66: N parallel copies of a notice have one effect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_copies_of_a_notice_at_once_have_one_effect() {
    let world = World::start(Way::Store).await;
    let order = world.isolated_and_about_to_pay().await;
    let mut callback = Callback::paid(&order);
    callback.copies = 10;
    let delivered = world.around.tripay.send(&[callback]).await.expect("sent");
    assert_eq!(delivered.len(), 10);
    assert!(
        delivered.iter().all(|notice| notice.http_status == Some(200)),
        "{delivered:?}"
    );
    world.assert_paid_and_online().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_again_and_again_ends_the_job_once() {
    let world = World::start(Way::Store).await;
    let order = world.isolated_and_about_to_pay().await;
    world.around.tripay.pay(&order).await.expect("paid");
    // Lives from just long enough to start up to long enough for most of the job.
    for life_ms in [120, 250, 180, 400, 300, 600, 220, 900] {
        tokio::time::sleep(Duration::from_millis(life_ms)).await;
        world.kill();
        world.spawn(None);
    }
    world.assert_paid_and_online().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_that_meets_a_dead_server_is_sent_again_and_booked_once() {
    let world = World::start(Way::Broker).await;
    let order = world.isolated_and_about_to_pay().await;
    world.kill();
    let refused = world.around.tripay.pay(&order).await.expect("sent");
    assert!(
        refused.iter().all(|notice| notice.http_status.is_none()),
        "{refused:?}"
    );
    world.spawn(None);
    world.notify(&Callback::paid(&order)).await;
    world.assert_paid_and_online().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_within_the_job_and_a_server_killed_with_it_end_the_job_once() {
    let undisturbed = {
        let world = World::start(Way::Store).await;
        let order = world.isolated_and_about_to_pay().await;
        world.notify(&Callback::paid(&order)).await;
        world.assert_paid_and_online().await;
        world
            .until("the line has dialled in", async || world.is_dialled_in())
            .await;
        world.ending().await
    };
    let mut broker = OwnBroker::start().await;
    let world = World::start(Way::BrokerAt(broker.url())).await;
    world.confirmed("full", 1).await;
    sleep(SETTLED).await;
    // The isolir is decided without a broker, and reaches the router when there is one again.
    broker.kill();
    let invoice = world.overdue_invoice().await;
    world.happened("subscriptions.subscription.isolated").await;
    assert_eq!(
        world.account("profile").as_deref(),
        Some("paket-10m"),
        "nobody has told the router"
    );
    broker.up().await;
    world.confirmed("isolated", 1).await;
    let order = world.start_payment(invoice).await;
    world
        .until("the line has dialled in", async || world.is_dialled_in())
        .await;
    // The money is booked without a broker, and the server dies before there is one again.
    broker.kill();
    world.notify(&Callback::paid(&order)).await;
    world.happened("subscriptions.subscription.isolir_lifted").await;
    world.kill();
    world.spawn(None);
    broker.up().await;
    world.assert_paid_and_online().await;
    world
        .until("the line has dialled in", async || world.is_dialled_in())
        .await;
    let ending = world.ending().await;
    assert!(ending.unknown() <= 1, "one message at a time");
    assert_eq!(ending.with_every_message(undisturbed.messages()), undisturbed);
}
