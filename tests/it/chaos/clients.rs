//! Clients go away while they are being served.

use std::time::Duration;

use simpul::{
    config::Config,
    demo::{
        seed::{self, Accounts},
        surroundings::Surroundings,
    },
};
use simpul_chaos::proxy::{Backend, Proxy, Weather};
use simpul_testkit::{OwnPostgres, TestDb};

use super::{
    Trial, check,
    crowd::{Crowd, Manners, without_limits},
    keep,
};
use crate::world::{Setting, Way, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_go_away_leave_nothing_half_done_and_nothing_to_other_tenants() {
    let trial = Trial::of("client-lost", "clients_that_go_away_leave_nothing_half_done");
    let world = World::begin(Setting {
        environment: without_limits(),
        ..Setting::from(Way::Store)
    })
    .await;
    world.confirmed("full", 1).await;
    let elsewhere = Surroundings::start(&mut Config::default())
        .await
        .expect("another router");
    let accounts = Accounts::of(&elsewhere).expect("accounts");
    let other = seed::operator(&world.bus, &accounts)
        .await
        .expect("another operator");
    let manners = Manners {
        clients: 16,
        impatient_percent: 30,
        impatience_ms: 100,
        seed: trial.seed,
    };
    let mine = Crowd::gather(&world, &world.mint(&world.operator), "MINE", manners);
    let theirs = Crowd::gather(&world, &world.mint(&other), "THEIRS", manners);
    mine.succeeds(&world, 150).await;
    theirs.succeeds(&world, 150).await;
    let (mine, theirs) = (mine.disperse().await, theirs.disperse().await);
    // Each log has what its own clients asked for, and nothing of the other's.
    let verdict = world.verdict(world.operator.tenant, &mine, 150).await;
    let mut admin = world.admin().await;
    let found = check::registered(&mut admin, other.tenant).await;
    let foreign = simpul_chaos::history::Verdict::of(&theirs, &found);
    assert!(foreign.is_sound(), "{foreign:#?}");
    assert!(verdict.unknown > 20, "hardly anybody went away: {verdict:#?}");
    let strikes = verdict.unknown;
    keep(&trial.outcome(verdict, strikes));
}

// transact-rs/sqlx issue 4385: a future dropped while BEGIN is on the wire leaves a transaction open that nobody knows of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_dropped_while_a_slow_database_begins_leave_no_transaction_open() {
    let trial = Trial::of("begin-cancelled", "requests_dropped_while_a_slow_database_begins");
    let postgres = OwnPostgres::start().await;
    let proxy = Proxy::start(Backend::Unix(postgres.socket_file()))
        .await
        .expect("a proxy");
    let world = World::begin(Setting {
        db: Some(TestDb::create_on(&postgres).await),
        database_at: Some(proxy.address()),
        environment: without_limits(),
        ..Setting::from(Way::Store)
    })
    .await;
    world.confirmed("full", 1).await;
    proxy.weather(Weather {
        delay: Duration::from_millis(15),
        ..Weather::default()
    });
    let manners = Manners {
        clients: 12,
        impatient_percent: 60,
        impatience_ms: 250,
        seed: trial.seed,
    };
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "S", manners);
    crowd.succeeds(&world, 40).await;
    proxy.weather(Weather::default());
    let healed = crowd.history.now();
    crowd.succeeds(&world, 40).await;
    let recovery = crowd.history.recovery(healed);
    let history = crowd.disperse().await;
    let verdict = world.verdict(world.operator.tenant, &history, 80).await;
    let strikes = verdict.unknown;
    assert!(strikes > 15, "hardly anything was dropped: {verdict:#?}");
    keep(&trial.outcome(verdict, strikes).recovered_in(recovery));
}
