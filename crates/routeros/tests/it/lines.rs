//! Customers' devices: what a provisioning run sees when it changes a profile and kicks.

use std::time::Duration;

use simpul_routeros::client::{Client, Query};
use simpul_routeros::sim::{Personality, ServerHandle};

use crate::rig::{SECRET, pair};

const ACTIVE: &str = "/ppp/active";
const LIST: &str = "/ip/firewall/address-list";

async fn router_with_a_customer() -> (ServerHandle, Client) {
    let (server, client) = pair(Personality::V7).await;
    for (name, ranges) in [
        ("normal", "10.0.0.2-10.0.0.9"),
        ("isolir", "192.168.200.2-192.168.200.9"),
    ] {
        server
            .router
            .add("/ip/pool", &[("name", name), ("ranges", ranges)])
            .unwrap();
    }
    server
        .router
        .add("/ppp/profile", &[("name", "gold"), ("remote-address", "normal")])
        .unwrap();
    let isolir = [
        ("name", "isolir"),
        ("remote-address", "isolir"),
        ("address-list", "ISP-ISOLIR"),
    ];
    server.router.add("/ppp/profile", &isolir).unwrap();
    server
        .router
        .add(SECRET, &[("name", "budi"), ("profile", "gold")])
        .unwrap();
    server.router.plug_in("budi");
    (server, client)
}

#[tokio::test(start_paused = true)]
async fn a_new_profile_reaches_the_customer_only_with_a_new_session() {
    let (server, client) = router_with_a_customer().await;
    let before = &server.router.rows(ACTIVE)[0];
    assert_eq!(before["address"], "10.0.0.2");

    client
        .set(SECRET, "budi", &[("profile", "isolir")])
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(server.router.rows(ACTIVE)[0]["session-id"], before["session-id"]);
    assert!(server.router.rows(LIST).is_empty());

    let proplist = [".id", "name", "address", "session-id", "uptime"];
    let active = client
        .print(ACTIVE, &proplist, &[Query::equal("name", "budi")])
        .await
        .unwrap();
    assert_eq!(active[0].duration("uptime"), Some(Duration::from_mins(1)));
    client.remove(ACTIVE, &active[0].id().unwrap()).await.unwrap();
    assert!(server.router.rows(ACTIVE).is_empty());
    assert!(
        !client
            .remove_if_present(ACTIVE, &active[0].id().unwrap())
            .await
            .unwrap()
    );

    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = &server.router.rows(ACTIVE)[0];
    assert_ne!(after["session-id"], before["session-id"]);
    assert_eq!(after["address"], "192.168.200.2");
    let listed = &server.router.rows(LIST)[0];
    assert_eq!(
        (listed["list"].as_str(), listed["address"].as_str()),
        ("ISP-ISOLIR", "192.168.200.2")
    );
    assert_eq!(listed["dynamic"], "true");
}

#[tokio::test(start_paused = true)]
async fn a_dynamic_entry_leaves_with_its_session_and_cannot_be_removed_by_hand() {
    let (server, client) = router_with_a_customer().await;
    client
        .set(SECRET, "budi", &[("profile", "isolir")])
        .await
        .unwrap();
    let kick = server.router.rows(ACTIVE)[0][".id"].clone();
    client.remove(ACTIVE, &kick).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let entry = server.router.rows(LIST)[0][".id"].clone();
    assert!(client.remove(LIST, &entry).await.is_err());
    server.router.unplug("budi");
    assert!(server.router.rows(LIST).is_empty() && server.router.rows(ACTIVE).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_disabled_secret_keeps_its_session_but_cannot_dial_again() {
    let (server, client) = router_with_a_customer().await;
    client.disable(SECRET, "budi").await.unwrap();
    assert_eq!(server.router.rows(ACTIVE).len(), 1);
    let id = server.router.rows(ACTIVE)[0][".id"].clone();
    client.remove(ACTIVE, &id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(server.router.rows(ACTIVE).is_empty());
    client.enable(SECRET, "budi").await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(server.router.rows(ACTIVE).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_address_on_the_secret_beats_the_pool_of_the_profile() {
    let (server, _client) = router_with_a_customer().await;
    server
        .router
        .add(
            SECRET,
            &[
                ("name", "ani"),
                ("profile", "isolir"),
                ("remote-address", "10.9.9.9"),
            ],
        )
        .unwrap();
    server.router.plug_in("ani");
    let rows = server.router.rows(ACTIVE);
    assert_eq!(
        rows.iter().find(|row| row["name"] == "ani").unwrap()["address"],
        "10.9.9.9"
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_shares_an_address_and_a_full_pool_refuses() {
    let (server, _client) = router_with_a_customer().await;
    for number in 0..12 {
        let name = format!("c{number}");
        server
            .router
            .add(SECRET, &[("name", &name), ("profile", "gold")])
            .unwrap();
        server.router.plug_in(&name);
    }
    let rows = server.router.rows(ACTIVE);
    let addresses: std::collections::BTreeSet<_> = rows.iter().map(|row| row["address"].clone()).collect();
    assert_eq!((rows.len(), addresses.len()), (8, 8));
}
