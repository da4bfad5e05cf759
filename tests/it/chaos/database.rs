//! The database is killed, hangs, or cannot be reached.

use std::time::Duration;

use simpul_chaos::{
    history::Told,
    proxy::{Backend, Cut, Proxy, Silence, Weather},
};
use simpul_testkit::{OwnPostgres, TestDb};
use tokio::time::sleep;

use super::{
    Trial,
    crowd::{Crowd, Manners, without_limits},
    keep,
};
use crate::world::{Setting, Way, World};

/// What is promised to somebody who asks while the database hangs (facts: R09).
const ANSWER: Duration = Duration::from_secs(2);
/// A machine under load is late by itself: asking, and being told, take their time too.
const SLACK: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_killed_again_and_again_under_load_loses_nothing_and_comes_back_by_itself() {
    let trial = Trial::of("database-killed", "a_database_killed_again_and_again_under_load");
    let mut rng = trial.rng();
    let mut postgres = OwnPostgres::start().await;
    let world = World::begin(Setting {
        db: Some(TestDb::create_on(&postgres).await),
        environment: without_limits(),
        ..Setting::from(Way::Store)
    })
    .await;
    world.confirmed("full", 1).await;
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "K", Manners::patient(8));
    let (mut strikes, mut worst) = (0, Duration::ZERO);
    for _ in 0..4 {
        crowd.succeeds(&world, 20).await;
        sleep(Duration::from_millis(rng.u64(..400))).await;
        postgres.kill();
        strikes += 1;
        postgres.up().await;
        let healed = crowd.history.now();
        crowd.succeeds(&world, 1).await;
        world
            .until("a new call succeeds", async || {
                crowd.history.recovery(healed).is_some()
            })
            .await;
        worst = worst.max(crowd.history.recovery(healed).expect("recovered"));
    }
    let history = crowd.disperse().await;
    let verdict = world.verdict(world.operator.tenant, &history, 80).await;
    assert!(worst < Duration::from_secs(10), "recovered after {worst:?}");
    keep(&trial.outcome(verdict, strikes).recovered_in(Some(worst)));
}

// A server that was stopped answers nobody and breaks no connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_is_answered_for_within_two_seconds_and_goes_on_where_it_was() {
    let trial = Trial::of("database-hung", "a_database_that_hangs_is_answered_for");
    let postgres = OwnPostgres::start().await;
    let world = World::begin(Setting {
        db: Some(TestDb::create_on(&postgres).await),
        environment: without_limits(),
        ..Setting::from(Way::Store)
    })
    .await;
    world.confirmed("full", 1).await;
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "H", Manners::patient(8));
    crowd.succeeds(&world, 20).await;
    let frozen = postgres.freeze();
    let begun = crowd.history.now();
    sleep(Duration::from_secs(8)).await;
    let refused = crowd.history.count(Told::Refused);
    let healed = crowd.history.now();
    drop(frozen);
    crowd.succeeds(&world, 40).await;
    let recovery = crowd.history.recovery(healed).expect("recovered");
    let slowest = crowd.history.slowest(begun, healed);
    let history = crowd.disperse().await;
    let verdict = world.verdict(world.operator.tenant, &history, 60).await;
    assert!(refused > 0, "nobody was told that the database is away");
    assert!(slowest <= ANSWER + SLACK, "somebody waited {slowest:?}");
    assert!(recovery < Duration::from_secs(5), "recovered after {recovery:?}");
    keep(
        &trial
            .outcome(verdict, 1)
            .recovered_in(Some(recovery))
            .answered_within(slowest),
    );
}

// The connections of before are dead and nobody says so: a machine that is gone, a firewall that has forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_behind_a_black_hole_is_found_again_although_no_connection_ever_breaks() {
    let trial = Trial::of("database-hung", "a_database_behind_a_black_hole");
    let postgres = OwnPostgres::start().await;
    let backend = || Backend::Unix(postgres.socket_file());
    let (near, found) = (
        Proxy::start(backend()).await.expect("a proxy"),
        Proxy::start(backend()).await.expect("a proxy"),
    );
    // Connections of before lead through `lost` for ever.
    let lost = Proxy::start(Backend::Tcp(near.address())).await.expect("a proxy");
    let front = Proxy::start(Backend::Tcp(lost.address())).await.expect("a proxy");
    let world = World::begin(Setting {
        db: Some(TestDb::create_on(&postgres).await),
        database_at: Some(front.address()),
        environment: without_limits(),
        ..Setting::from(Way::Store)
    })
    .await;
    world.confirmed("full", 1).await;
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "B", Manners::patient(8));
    crowd.succeeds(&world, 20).await;
    lost.weather(Weather {
        silence: Silence::Both,
        ..Weather::default()
    });
    let begun = crowd.history.now();
    sleep(Duration::from_secs(4)).await;
    let healed = crowd.history.now();
    // The database's machine gives up the sessions that it hears nothing of; ours hears nothing of that.
    near.cut(Cut::Rst);
    front.lead_to(Backend::Tcp(found.address()));
    crowd.succeeds(&world, 40).await;
    let recovery = crowd.history.recovery(healed).expect("recovered");
    let slowest = crowd.history.slowest(begun, healed);
    // Loops too have found their way: somebody is isolated and pays.
    let order = world.isolated_and_about_to_pay().await;
    world.around.tripay.pay(&order).await.expect("paid");
    world.assert_paid_and_online().await;
    let history = crowd.disperse().await;
    let verdict = world.verdict(world.operator.tenant, &history, 60).await;
    assert!(slowest <= ANSWER + SLACK, "somebody waited {slowest:?}");
    assert!(recovery < Duration::from_secs(5), "recovered after {recovery:?}");
    keep(
        &trial
            .outcome(verdict, 1)
            .recovered_in(Some(recovery))
            .answered_within(slowest),
    );
}
