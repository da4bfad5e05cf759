//! The main job with faults in the way: the end is the same and nothing happens twice.

use std::time::Duration;

use simpul_adapters::standin::tripay::Callback;

use crate::world::World;

async fn isolated(world: &World) -> String {
    world.confirmed("full", 1).await;
    let invoice = world.overdue_invoice().await;
    world.confirmed("isolated", 1).await;
    assert_eq!(world.account("profile").as_deref(), Some("isolir"));
    world.start_payment(invoice).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_while_the_router_is_offline_brings_the_customer_back_when_it_returns() {
    let world = World::start(false).await;
    let order = isolated(&world).await;
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
    let world = World::start(false).await;
    let order = isolated(&world).await;
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
    let mut world = World::start(false).await;
    let order = isolated(&world).await;
    world.around.tripay.pay(&order).await.expect("paid");
    // Lives from just long enough to start up to long enough for most of the job.
    for life_ms in [120, 250, 180, 400, 300, 600, 220, 900] {
        tokio::time::sleep(Duration::from_millis(life_ms)).await;
        world.kill();
        world.spawn();
    }
    world.assert_paid_and_online().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_that_meets_a_dead_server_is_sent_again_and_booked_once() {
    let mut world = World::start(true).await;
    let order = isolated(&world).await;
    world.kill();
    let refused = world.around.tripay.pay(&order).await.expect("sent");
    assert!(
        refused.iter().all(|notice| notice.http_status.is_none()),
        "{refused:?}"
    );
    world.spawn();
    loop {
        let sent = world
            .around
            .tripay
            .send(&[Callback::paid(&order)])
            .await
            .expect("sent");
        if sent.iter().all(|notice| notice.http_status == Some(200)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.assert_paid_and_online().await;
}
