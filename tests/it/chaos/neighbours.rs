//! One tenant asks for far more than its share.

use std::time::Duration;

use simpul::{
    config::Config,
    demo::{
        seed::{self, Accounts},
        surroundings::Surroundings,
    },
};
use simpul_chaos::history::Told;

use super::{
    Trial,
    crowd::{Crowd, Manners},
    keep,
};
use crate::world::{Setting, Way, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_floods_is_refused_and_others_are_not() {
    let trial = Trial::of("flood", "a_tenant_that_floods_is_refused_and_others_are_not");
    let limits = [
        ("SIMPUL_LIMITS__ADDRESS_REQUESTS_PER_MINUTE", "1000000"),
        ("SIMPUL_LIMITS__USER_REQUESTS_PER_MINUTE", "120"),
    ];
    let world = World::begin(Setting {
        environment: limits
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Setting::from(Way::Store)
    })
    .await;
    world.confirmed("full", 1).await;
    let elsewhere = Surroundings::start(&mut Config::default())
        .await
        .expect("another router");
    let accounts = Accounts::of(&elsewhere).expect("accounts");
    let quiet = seed::operator(&world.bus, &accounts)
        .await
        .expect("another operator");
    let flood = Crowd::gather(&world, &world.mint(&world.operator), "N", Manners::patient(24));
    world
        .until("the flood is refused", async || {
            flood.history.count(Told::Refused) > 200
        })
        .await;
    let calm = Crowd::gather(&world, &world.mint(&quiet), "Q", Manners::patient(1));
    calm.succeeds(&world, 40).await;
    let calm = calm.disperse().await;
    assert_eq!(calm.count(Told::Refused), 0, "the quiet one pays for the flood");
    let slowest = calm.slowest(Duration::ZERO, calm.now());
    let refused = flood.history.count(Told::Refused);
    drop(flood);
    let verdict = world.verdict(quiet.tenant, &calm, 40).await;
    keep(&trial.outcome(verdict, refused).answered_within(slowest));
}
