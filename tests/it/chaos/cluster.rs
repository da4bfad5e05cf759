//! One of three nodes of the broker is cut off from the two others.

use std::time::Duration;

use simpul_adapters::standin::tripay::Callback;
use simpul_chaos::proxy::{Backend, Cut, Proxy};
use simpul_testkit::OwnCluster;

use super::{
    Trial,
    crowd::{Crowd, Manners, without_limits},
    keep,
};
use crate::world::{Setting, Way, World};

/// The two nodes that are left may take so long to find out that the third is gone and to choose another leader.
const LIMIT: Duration = Duration::from_mins(3);

async fn is_isolated(world: &World) -> bool {
    const CONFIRMED: &str = "network.provisioning.confirmed";
    let log = world.log_of(world.operator.tenant).await;
    log.iter().any(|event| {
        event.event_type == CONFIRMED && event.payload.value()[CONFIRMED]["access"] == "isolated"
    })
}

// The node that the product talks to is the one that is cut off; the way in leads to another one, as a balancer's does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_the_broker_that_is_cut_off_takes_nothing_with_it() {
    let trial = Trial::of("broker-minority", "a_node_of_the_broker_that_is_cut_off");
    let cluster = OwnCluster::start().await;
    let front = Proxy::start(Backend::Tcp(cluster.address(0)))
        .await
        .expect("a proxy");
    let world = World::begin(Setting {
        environment: without_limits(),
        ..Setting::from(Way::BrokerAt(cluster.url_at(front.address())))
    })
    .await;
    world.confirmed("full", 1).await;
    world
        .until("the line has dialled in", async || world.is_dialled_in())
        .await;
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "M", Manners::patient(4));
    crowd.succeeds(&world, 50).await;
    cluster.cut_off(0);
    front.lead_to(Backend::Tcp(cluster.address(1)));
    let healed = crowd.history.now();
    let invoice = world.overdue_invoice().await;
    // By the two that are left, as soon as they have found another leader.
    while !world.in_time(async || is_isolated(&world).await).await {
        assert!(
            crowd.history.now().saturating_sub(healed) < LIMIT,
            "the queues have no leader"
        );
    }
    let recovery = crowd.history.now().saturating_sub(healed);
    crowd.succeeds(&world, 100).await;
    cluster.let_back(0);
    front.lead_to(Backend::Tcp(cluster.address(0)));
    front.cut(Cut::Rst);
    let order = world.start_payment(invoice).await;
    world.notify(&Callback::paid(&order)).await;
    world.assert_paid_and_online().await;
    let history = crowd.disperse().await;
    let verdict = world.verdict(world.operator.tenant, &history, 150).await;
    assert_eq!(verdict.refused, 0, "commands need no broker");
    assert!(recovery < LIMIT, "recovered after {recovery:?}");
    keep(&trial.outcome(verdict, 1).recovered_in(Some(recovery)));
}
