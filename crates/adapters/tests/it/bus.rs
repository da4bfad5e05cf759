//! The same consumer by both ways: the broker's queues, and straight from the store.

use std::time::Duration;

use simpul_adapters::bus::consumer::{ReplayError, Replays, Taken};
use simpul_domain::TenantId;
use simpul_event_store::{
    EventStore,
    inline::{dead_letter, dead_letter::DeadLetter},
};

use crate::{
    rig::{Rig, Way, until},
    tally::{bump, tenant},
};

const LIMIT: Duration = Duration::from_secs(30);

async fn letters(store: &EventStore, tenant: TenantId) -> Vec<DeadLetter> {
    let mut tx = store.db().tenant_tx(tenant).await.expect("a transaction");
    let letters = dead_letter::list(&mut tx, 100).await.expect("a list");
    tx.commit().await.expect("committed");
    letters
}

async fn every_event_of_every_tenant_has_its_effect_once_and_in_order(way: Way) {
    let rig = Rig::start(way).await;
    for number in 0..40 {
        for owner in 1..=3 {
            bump(&rig.store(), tenant(owner), &format!("t{}", number % 4)).await;
        }
    }
    until("120 events were consumed", LIMIT, async || {
        rig.consumer.count() >= 120
    })
    .await;
    for owner in 1..=3 {
        assert_eq!(rig.consumer.seen(tenant(owner)), (1..=40).collect::<Vec<i64>>());
    }
    rig.finish().await;
}

async fn a_poison_message_is_buried_while_others_go_on_and_can_be_replayed(way: Way) {
    let rig = Rig::start(way).await;
    let owner = tenant(1);
    rig.consumer
        .poison
        .lock()
        .expect("not poisoned")
        .push("bad".to_owned());
    for number in 0..20 {
        bump(&rig.store(), owner, if number == 5 { "bad" } else { "good" }).await;
    }
    until("19 events were consumed", LIMIT, async || {
        rig.consumer.count() >= 19
    })
    .await;
    until("a dead letter is listed", LIMIT, async || {
        !letters(&rig.store(), owner).await.is_empty()
    })
    .await;
    let letter = letters(&rig.store(), owner).await.remove(0);
    assert!(
        letter.reason.contains("it cannot be handled"),
        "{}",
        letter.reason
    );
    assert!(letters(&rig.store(), tenant(2)).await.is_empty());

    let replays = Replays::new(rig.store()).with(rig.consumer.clone());
    let failed = replays.replay(owner, &letter.consumer, letter.message).await;
    assert!(matches!(failed, Err(ReplayError::Failed(_))));
    assert_eq!(
        letters(&rig.store(), owner).await.len(),
        1,
        "it stays until it is handled"
    );
    rig.consumer.poison.lock().expect("not poisoned").clear();
    let taken = replays.replay(owner, &letter.consumer, letter.message).await;
    assert!(matches!(taken, Ok(Taken::Consumed)));
    let again = replays.replay(owner, &letter.consumer, letter.message).await;
    assert!(matches!(again, Err(ReplayError::NotFound)));
    assert!(letters(&rig.store(), owner).await.is_empty());
    assert_eq!(rig.consumer.count(), 20);
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_many_replay_at_once_has_its_effect_once() {
    let rig = Rig::start(Way::Store).await;
    let owner = tenant(1);
    rig.consumer
        .poison
        .lock()
        .expect("not poisoned")
        .push("bad".to_owned());
    bump(&rig.store(), owner, "bad").await;
    until("a dead letter is listed", LIMIT, async || {
        !letters(&rig.store(), owner).await.is_empty()
    })
    .await;
    rig.consumer.poison.lock().expect("not poisoned").clear();
    let letter = letters(&rig.store(), owner).await.remove(0);
    let replays = Replays::new(rig.store()).with(rig.consumer.clone());
    let all = futures_util::future::join_all((0..8).map(|_| {
        let (replays, consumer) = (replays.clone(), letter.consumer.clone());
        async move { replays.replay(owner, &consumer, letter.message).await }
    }))
    .await;
    let consumed = all.iter().filter(|taken| matches!(taken, Ok(Taken::Consumed)));
    assert_eq!(consumed.count(), 1, "{all:?}");
    let late = all
        .iter()
        .filter(|taken| matches!(taken, Err(ReplayError::NotFound)));
    assert_eq!(late.count(), 7, "{all:?}");
    assert_eq!(rig.consumer.count(), 1);
    rig.finish().await;
}

async fn a_consumer_that_panics_goes_on_with_the_next_message(way: Way) {
    let rig = Rig::start(way).await;
    for stream in ["good", "panic", "good"] {
        bump(&rig.store(), tenant(1), stream).await;
    }
    until("the others were consumed", LIMIT, async || {
        rig.consumer.count() >= 2
    })
    .await;
    let listed = async || letters(&rig.store(), tenant(1)).await.len() == 1;
    until("the dead letter is listed", LIMIT, listed).await;
    rig.finish().await;
}

async fn what_fails_for_the_moment_is_tried_again_and_has_its_effect_once(way: Way) {
    let rig = Rig::start(way).await;
    rig.consumer
        .flaky
        .lock()
        .expect("not poisoned")
        .insert("shaky".to_owned(), 3);
    bump(&rig.store(), tenant(1), "shaky").await;
    bump(&rig.store(), tenant(1), "calm").await;
    until("both events were consumed", LIMIT, async || {
        rig.consumer.count() >= 2
    })
    .await;
    assert!(letters(&rig.store(), tenant(1)).await.is_empty());
    assert_eq!(rig.consumer.count(), 2);
    rig.finish().await;
}

macro_rules! by_both_ways {
    ($($test:ident)+) => {
        mod broker {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(super::Way::Broker).await;
            })+
        }

        mod store {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(super::Way::Store).await;
            })+
        }
    };
}

by_both_ways! {
    every_event_of_every_tenant_has_its_effect_once_and_in_order
    a_poison_message_is_buried_while_others_go_on_and_can_be_replayed
    what_fails_for_the_moment_is_tried_again_and_has_its_effect_once
    a_consumer_that_panics_goes_on_with_the_next_message
}
