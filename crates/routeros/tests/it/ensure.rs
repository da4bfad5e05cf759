//! However often it is tried and wherever a try breaks off: one row, as desired.

use std::time::Duration;

use proptest::prelude::*;
use simpul_routeros::client::{Desired, Ensured, Error, ensure};
use simpul_routeros::sim::{Faults, Personality, ServerHandle};

use crate::rig::{SECRET, connect, pair, router};

fn desired(profile: &str) -> Desired {
    Desired::new(SECRET, "name", "budi")
        .field("profile", profile)
        .field("comment", "isp:t1:sub:7:1")
        .field("disabled", "no")
        .cleared("remote-address")
        .write_only("password", "hunter2")
        .owned_by("isp:t1:sub:7:1")
}

#[tokio::test(start_paused = true)]
async fn a_missing_row_is_added_and_a_second_try_changes_nothing() {
    let (server, client) = pair(Personality::V7Empty).await;
    let first = ensure(&client, &desired("default")).await.unwrap();
    assert!(first.added);
    assert_eq!(server.router.rows(SECRET)[0]["password"], "hunter2");
    let writes = server.router.journal().len();
    let second = ensure(&client, &desired("default")).await.unwrap();
    assert_eq!(
        second,
        Ensured {
            id: first.id,
            added: false,
            changed: vec![],
            duplicates_removed: 0
        }
    );
    assert_eq!(server.router.journal().len(), writes);
}

#[tokio::test(start_paused = true)]
async fn only_what_differs_is_written() {
    let (server, client) = pair(Personality::V7).await;
    server.router.add("/ppp/profile", &[("name", "gold")]).unwrap();
    let old = [
        ("name", "budi"),
        ("profile", "gold"),
        ("comment", "isp:t1:sub:7:1 second floor"),
        ("remote-address", "10.0.0.9"),
    ];
    server.router.add(SECRET, &old).unwrap();
    let wanted = Desired::new(SECRET, "name", "budi")
        .field("profile", "default")
        .field("disabled", "no")
        .cleared("remote-address")
        .owned_by("isp:t1:sub:7:1");
    let ensured = ensure(&client, &wanted).await.unwrap();
    assert_eq!(ensured.changed, ["profile", "remote-address"]);
    let row = &server.router.rows(SECRET)[0];
    assert_eq!(row["comment"], "isp:t1:sub:7:1 second floor");
    assert!(!row.contains_key("remote-address"));
    let journal = server.router.journal();
    assert_eq!(journal[0].value("disabled"), None);
}

#[tokio::test(start_paused = true)]
async fn a_row_of_someone_else_is_left_alone() {
    let (server, client) = pair(Personality::V7).await;
    server
        .router
        .add(SECRET, &[("name", "budi"), ("comment", "isp:t1:sub:7:12")])
        .unwrap();
    let result = ensure(&client, &desired("default")).await;
    assert!(matches!(result, Err(Error::NotOurs { .. })), "{result:?}");
    assert!(server.router.journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_several_rows_with_our_marker_the_oldest_stays() {
    let (server, client) = pair(Personality::V7).await;
    let menu = "/ip/firewall/nat";
    for chain in ["dstnat", "srcnat", "dstnat"] {
        server
            .router
            .add(menu, &[("chain", chain), ("comment", "isp:wg:1")])
            .unwrap();
    }
    let wanted = Desired::new(menu, "comment", "isp:wg:1")
        .field("chain", "dstnat")
        .field("action", "accept");
    let ensured = ensure(&client, &wanted).await.unwrap();
    assert_eq!((ensured.id.as_str(), ensured.duplicates_removed), ("*1", 2));
    assert_eq!(server.router.rows(menu).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_password_is_written_when_asked_for() {
    let (server, client) = pair(Personality::V7).await;
    ensure(&client, &desired("default")).await.unwrap();
    let changed = desired("default").write_only("password", "baru").rewriting();
    ensure(&client, &changed).await.unwrap();
    assert_eq!(server.router.rows(SECRET)[0]["password"], "baru");
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_does_not_exist_is_said_so() {
    let (_server, client) = pair(Personality::V7).await;
    let result = ensure(&client, &desired("platinum")).await;
    assert!(matches!(result, Err(Error::BadReference(_))), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn two_at_once_still_make_one_row() {
    let (server, client) = pair(Personality::V7).await;
    let other = connect(&server).await.unwrap();
    server
        .switches
        .change(|faults| faults.row_delay = Duration::from_millis(5));
    let wanted = desired("default");
    let (one, two) = tokio::join!(ensure(&client, &wanted), ensure(&other, &wanted));
    assert_eq!(one.unwrap().id, two.unwrap().id);
    assert_eq!(server.router.rows(SECRET).len(), 1);
}

/// Tries over a new connection each time, as a worker does, until it works.
async fn until_done(server: &ServerHandle, wanted: &Desired) -> Ensured {
    for _ in 0..10 {
        let Ok(client) = connect(server).await else {
            continue;
        };
        match ensure(&client, wanted).await {
            Ok(ensured) => return ensured,
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    }
    panic!("ten tries were not enough");
}

#[derive(Debug, Clone, Copy)]
enum Before {
    Absent,
    Different,
    WithAddress,
}

async fn property(existing: Before, faults: Faults, keyed: bool) {
    let server = router(Personality::V7Empty).await;
    server.router.add("/ppp/profile", &[("name", "gold")]).unwrap();
    let (menu, wanted) = if keyed {
        (SECRET, desired("gold"))
    } else {
        let rule = Desired::new("/ip/firewall/filter", "comment", "isp:wg:3");
        (
            "/ip/firewall/filter",
            rule.field("chain", "forward").field("action", "accept"),
        )
    };
    let old: &[(&str, &str)] = match (existing, keyed) {
        (Before::Absent, _) => &[],
        (Before::Different, true) => &[("name", "budi"), ("comment", "isp:t1:sub:7:1")],
        (Before::WithAddress, true) => &[
            ("name", "budi"),
            ("comment", "isp:t1:sub:7:1"),
            ("remote-address", "10.0.0.9"),
            ("disabled", "yes"),
        ],
        (_, false) => &[("chain", "input"), ("action", "drop"), ("comment", "isp:wg:3")],
    };
    if !old.is_empty() {
        server.router.add(menu, old).unwrap();
    }
    server.switches.change(|current| *current = faults);
    until_done(&server, &wanted).await;
    server.switches.reset();

    let again = until_done(&server, &wanted).await;
    assert!(!again.added && again.changed.is_empty());
    let rows = server.router.rows(menu);
    assert_eq!(rows.len(), 1, "{rows:?}");
    if keyed {
        assert_eq!(
            (rows[0]["profile"].as_str(), rows[0]["disabled"].as_str()),
            ("gold", "false")
        );
        assert!(!rows[0].contains_key("remote-address"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn wherever_the_connection_drops_the_end_is_exactly_one_row(
        before in prop::option::of(1u32..4),
        after in prop::option::of(1u32..4),
        delay_ms in 0u64..15_000,
        existing in prop_oneof![Just(Before::Absent), Just(Before::Different), Just(Before::WithAddress)],
        keyed in any::<bool>(),
        future_word in any::<bool>(),
    ) {
        let faults = Faults {
            drop_before_apply: before,
            drop_after_apply: after,
            delay_after_apply: Duration::from_millis(if delay_ms < 10_000 { delay_ms } else { 0 }),
            future_word,
            ..Faults::default()
        };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(property(existing, faults, keyed));
    }
}
