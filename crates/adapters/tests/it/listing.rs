//! Isolir by the router's own address list: whoever dials in is listed, whenever that is, and nobody else is.

use simpul_domain::network::{
    PppProfile,
    desired::{Account, DesiredState},
};

use crate::{
    lanes::{Bench, LIMIT, state},
    rig::until,
};

const LIST: &str = "/ip/firewall/address-list";

fn listed_on(plan: &str) -> Account {
    Account::Present {
        profile: PppProfile::parse(plan).expect("a profile"),
        disabled: false,
        isolir_listed: true,
    }
}

fn isolated(version: u64) -> DesiredState {
    DesiredState {
        account: listed_on("20M"),
        ..state(version, "20M", false)
    }
}

fn addresses(bench: &Bench, menu: &str) -> Vec<String> {
    let rows = bench.world.sim.router.rows(menu);
    rows.iter().map(|row| row["address"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_customer_is_on_the_isolir_list_whenever_he_dials_in_and_nobody_else_is() {
    let bench = Bench::start().await;
    let router = &bench.world.sim.router;
    let pool = [("name", "pool"), ("ranges", "10.9.0.2-10.9.0.200")];
    router.add("/ip/pool", &pool).expect("a pool");
    let plan = [
        ("name", "20M"),
        ("local-address", "10.9.0.1"),
        ("remote-address", "pool"),
        ("rate-limit", "5M/20M"),
    ];
    router.add("/ppp/profile", &plan).expect("a profile");
    let neighbour = [("name", "tetangga"), ("profile", "20M")];
    router.add("/ppp/secret", &neighbour).expect("a secret");
    router.unplug("tetangga");
    let (online, listed) = (|| addresses(&bench, "/ppp/active"), || addresses(&bench, LIST));

    bench.wish(state(1, "20M", false)).await;
    bench.confirmed(1).await;
    until("the customer is online", LIMIT, async || online().len() == 1).await;
    assert_eq!(listed(), [""; 0]);

    // He is online when he is isolated, and away when somebody else gets his address.
    bench.wish(isolated(2)).await;
    bench.confirmed(2).await;
    until("he is back", LIMIT, async || online().len() == 1).await;
    assert_eq!(listed(), online());
    router.unplug("budi01");
    router.plug_in("tetangga");
    until("the neighbour is online", LIMIT, async || online().len() == 1).await;
    assert_eq!(listed(), [""; 0], "an address leaves the list with its session");
    router.plug_in("budi01");
    until("both are online", LIMIT, async || online().len() == 2).await;
    let his = router
        .rows("/ppp/active")
        .into_iter()
        .find(|row| row["name"] == "budi01")
        .expect("a session");
    assert_eq!(
        listed(),
        [his["address"].clone()],
        "he is listed without a convergence"
    );

    bench.wish(state(3, "20M", false)).await;
    bench.confirmed(3).await;
    until("he is back again", LIMIT, async || online().len() == 2).await;
    assert_eq!(listed(), [""; 0]);
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_was_away_at_his_isolir_is_listed_when_he_comes() {
    let bench = Bench::start().await;
    bench.wish(state(1, "10M", false)).await;
    bench.confirmed(1).await;
    let router = &bench.world.sim.router;
    router.unplug("budi01");
    let profile = router
        .rows("/ppp/profile")
        .into_iter()
        .find(|row| row["name"] == "10M")
        .expect("a profile");
    let writes = router.journal().len();
    bench
        .wish(DesiredState {
            account: listed_on("10M"),
            ..state(2, "10M", false)
        })
        .await;
    bench.confirmed(2).await;
    let copy = router
        .rows("/ppp/profile")
        .into_iter()
        .find(|row| row["name"] == "simpul-isolir 10M")
        .expect("a copy");
    assert_eq!(copy["local-address"], profile["local-address"]);
    assert_eq!(copy["address-list"], "ISP-ISOLIR");
    let first = router.journal().len();
    assert_eq!(first - writes, 3, "the copy, the secret, its renewal");
    bench
        .wish(DesiredState {
            account: listed_on("10M"),
            ..state(3, "10M", false)
        })
        .await;
    bench.confirmed(3).await;
    assert_eq!(router.journal().len(), first, "what is as wanted is not written");
    bench.finish().await;
}
