//! Many lines of one router, converged side by side.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use chrono::TimeDelta;
use simpul_domain::{
    SubscriptionId,
    network::desired::{DesiredState, marker},
    subscriptions::PppUsername,
};
use simpul_routeros::sim::Power;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Bench, LIMIT, state};
use crate::{rig::until, tally::tenant};

/// Lines of one router: two visits.
const LINES: u128 = 64;

/// What one of many lines is to have.
fn state_of(number: u128, version: u64, profile: &str) -> DesiredState {
    let subscription = SubscriptionId::new(Uuid::from_u128(1_000 + number));
    DesiredState {
        subscription,
        username: PppUsername::parse(&format!("budi{number:02}")).expect("a user name"),
        marker: marker(tenant(1), subscription),
        ..state(version, profile, false)
    }
}

impl Bench {
    /// Wants the profile for all lines and wishes for it, all at once.
    async fn wish_all(&self, version: u64, profile: &str) -> Vec<SubscriptionId> {
        let states = (0..LINES).map(|number| state_of(number, version, profile));
        let mut lines = Vec::new();
        for state in states {
            lines.push(state.subscription);
            self.wants(state);
        }
        let wanted = i64::try_from(version).expect("a version");
        self.wish_for(wanted, &lines).await;
        lines
    }

    async fn all_confirmed(&self, version: u64, lines: &[SubscriptionId]) {
        until("all lines are proved", LIMIT, async || {
            let proofs = self.world.proofs.lock().expect("not poisoned");
            let proved = proofs.iter().filter(|proof| proof.desired_version == version);
            proved.count() == lines.len()
        })
        .await;
    }

    fn dials(&self) -> usize {
        self.world.dials.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_one_router_share_sessions_and_do_not_wait_for_each_others_customers() {
    let bench = Bench::start().await;
    let lines = bench.wish_all(1, "10M").await;
    bench.all_confirmed(1, &lines).await;
    assert_eq!(bench.dials(), 2, "one session for each visit");
    for number in 0..LINES {
        bench.world.sim.router.plug_in(&format!("budi{number:02}"));
    }
    let online = || bench.world.sim.router.rows("/ppp/active").len();
    until("everybody is online", LIMIT, async || online() == lines.len()).await;

    let began = Instant::now();
    bench.wish_all(2, "isolir").await;
    bench.all_confirmed(2, &lines).await;
    let took = began.elapsed();
    assert_eq!(bench.dials(), 4);
    // Each customer's session is looked for 150 ms after it was ended.
    assert!(took < Duration::from_millis(150) * 64, "{took:?}");
    let isolated = |row: &BTreeMap<String, String>| row["profile"] == "isolir";
    assert!(bench.world.sim.router.rows("/ppp/secret").iter().all(isolated));
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_does_not_answer_is_one_failure_of_a_visit_and_its_other_lines_are_put_back() {
    let bench = Bench::start().await;
    let power = |power| bench.world.sim.switches.change(|faults| faults.power = power);
    power(Power::Refuse);
    let lines = bench.wish_all(1, "10M").await;
    until("every line was in a visit", LIMIT, async || {
        for line in &lines {
            if bench.status_of(*line).await.attempts == 0 {
                return false;
            }
        }
        bench.world.failures.lock().expect("not poisoned").len() == bench.dials()
    })
    .await;
    assert!(bench.dials() < lines.len(), "{} tries", bench.dials());
    bench.world.sim.switches.reset();
    until("all lines are proved", LIMIT, async || {
        bench.test.clock().advance(TimeDelta::seconds(1));
        bench.world.proofs.lock().expect("not poisoned").len() >= lines.len()
    })
    .await;
    bench.finish().await;
}
