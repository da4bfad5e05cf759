//! The primary hangs, and its standby takes over.

use std::time::Duration;

use simpul_chaos::proxy::{Backend, Proxy};
use simpul_testkit::{OwnPostgres, TestDb};
use tokio::time::sleep;

use super::{
    Trial,
    crowd::{Crowd, Manners, without_limits},
    keep,
};
use crate::world::{Setting, Way, World};

/// How long clients meet a standby that is not promoted yet.
const HESITATION: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_takes_over_has_everything_and_nobody_waits_for_the_old_primary() {
    let trial = Trial::of("failover", "a_standby_that_takes_over_has_everything");
    let mut primary = OwnPostgres::start().await;
    let db = TestDb::create_on(&primary).await;
    let standby = OwnPostgres::follow(&mut primary).await;
    let proxy = Proxy::start(Backend::Unix(primary.socket_file()))
        .await
        .expect("a proxy");
    let mut world = World::begin(Setting {
        db: Some(db),
        database_at: Some(proxy.address()),
        environment: without_limits(),
        ..Setting::from(Way::Store)
    })
    .await;
    world.confirmed("full", 1).await;
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "F", Manners::patient(8));
    crowd.succeeds(&world, 60).await;
    // The old primary still has every connection, and answers none.
    let _frozen = primary.freeze();
    proxy.lead_to(Backend::Unix(standby.socket_file()));
    sleep(HESITATION).await;
    standby.promote().await;
    let healed = crowd.history.now();
    world.moved_to(&standby);
    crowd.succeeds(&world, 60).await;
    let recovery = crowd.history.recovery(healed).expect("recovered");
    let order = world.isolated_and_about_to_pay().await;
    world.around.tripay.pay(&order).await.expect("paid");
    world.assert_paid_and_online().await;
    let history = crowd.disperse().await;
    let verdict = world.verdict(world.operator.tenant, &history, 120).await;
    assert!(recovery < Duration::from_secs(10), "recovered after {recovery:?}");
    keep(&trial.outcome(verdict, 1).recovered_in(Some(recovery)));
}
