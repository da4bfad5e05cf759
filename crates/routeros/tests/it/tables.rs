//! Commands, queries and the router's refusals.

use proptest::prelude::*;
use simpul_routeros::client::{Command, Error, Query, Version};
use simpul_routeros::sim::{Personality, RouterConfig, Server, ServerConfig};

use crate::rig::{SECRET, connect, pair};

#[tokio::test(start_paused = true)]
async fn a_row_is_added_changed_printed_and_removed() {
    let (server, client) = pair(Personality::V7).await;
    client
        .add("/ppp/profile", &[("name", "gold"), ("rate-limit", "5M/20M")])
        .await
        .unwrap();
    let id = client
        .add(
            SECRET,
            &[("name", "budi"), ("profile", "gold"), ("comment", "isp:1")],
        )
        .await
        .unwrap();
    let rows = client
        .print(SECRET, &[".id", "profile"], &[Query::equal("name", "budi")])
        .await
        .unwrap();
    assert_eq!(rows[0].id().unwrap(), id);
    assert_eq!(rows[0].text("profile"), "gold");
    assert_eq!(rows[0].get("comment"), None);

    client
        .set(
            SECRET,
            &id,
            &[("profile", "default"), ("remote-address", "10.0.0.9")],
        )
        .await
        .unwrap();
    client.disable(SECRET, &id).await.unwrap();
    client.unset(SECRET, &id, "remote-address").await.unwrap();
    let row = &server.router.rows(SECRET)[0];
    assert_eq!(
        (row["profile"].as_str(), row["disabled"].as_str()),
        ("default", "true")
    );
    assert!(!row.contains_key("remote-address"));

    client.enable(SECRET, &id).await.unwrap();
    client.remove(SECRET, &id).await.unwrap();
    assert!(matches!(
        client.remove(SECRET, &id).await,
        Err(Error::NotFound(_))
    ));
    assert!(!client.remove_if_present(SECRET, &id).await.unwrap());
    assert!(server.router.rows(SECRET).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_empty_print_is_empty_on_every_version() {
    for personality in [Personality::V6, Personality::V7, Personality::V7Empty] {
        let (_server, client) = pair(personality).await;
        assert!(client.print(SECRET, &["name"], &[]).await.unwrap().is_empty());
        assert_eq!(client.count(SECRET, &[]).await.unwrap(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn conditions_combine_as_they_are_written() {
    let (_server, client) = pair(Personality::V7Empty).await;
    for (name, comment) in [("ani", "isp:1"), ("budi", "isp:2"), ("citra", "")] {
        client
            .add(SECRET, &[("name", name), ("comment", comment)])
            .await
            .unwrap();
    }
    let named = |name: &str| Query::equal("name", name);
    for (queries, expected) in [
        (vec![named("ani").or(&named("citra"))], 2),
        (vec![!named("ani")], 2),
        (vec![Query::has("comment")], 2),
        (vec![Query::lacks("comment")], 1),
        (vec![Query::greater("comment", "")], 2),
        (vec![Query::less("name", "budi")], 1),
        (
            vec![named("ani").or(&named("budi")), Query::equal("comment", "isp:2")],
            1,
        ),
        (vec![named("ani").or(&named("budi")).and(&!named("ani"))], 1),
        (vec![named("dewi")], 0),
    ] {
        assert_eq!(
            client.count(SECRET, &queries).await.unwrap(),
            expected,
            "{queries:?}"
        );
        let rows = client.print(SECRET, &["name"], &queries).await.unwrap();
        assert_eq!(rows.len() as u64, expected, "{queries:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_refusal_has_its_class() {
    let (_server, client) = pair(Personality::V7).await;
    client.add(SECRET, &[("name", "budi")]).await.unwrap();
    let add = |fields: &[(&str, &str)]| {
        let command = fields
            .iter()
            .fold(Command::new("/ppp/secret/add"), |c, (n, v)| c.with(n, v));
        client.command(command)
    };
    assert!(matches!(
        add(&[("name", "budi")]).await,
        Err(Error::AlreadyExists(_))
    ));
    assert!(matches!(
        add(&[("name", "x"), ("profile", "none")]).await,
        Err(Error::BadReference(_))
    ));
    assert!(matches!(
        add(&[("name", "x"), ("colour", "red")]).await,
        Err(Error::BadArgument(_))
    ));
    assert!(matches!(
        add(&[("name", "x"), ("remote-address", "?")]).await,
        Err(Error::BadArgument(_))
    ));
    assert!(matches!(add(&[]).await, Err(Error::BadArgument(_))));
    for path in ["/tool/romon/print", "/ppp/secret/explode"] {
        let refused = client.command(Command::new(path)).await;
        assert!(matches!(refused, Err(Error::Unsupported(_))), "{refused:?}");
    }
    let default = client.remove("/ppp/profile", "default").await;
    assert!(matches!(default, Err(Error::Rejected(_))), "{default:?}");
    assert!(matches!(
        client.set(SECRET, "*FF", &[]).await,
        Err(Error::NotFound(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn values_are_kept_in_the_routers_own_spelling() {
    let (server, client) = pair(Personality::V7).await;
    client
        .add(
            "/ip/pool",
            &[("name", "p"), ("ranges", "192.168.0.0-192.168.1.255")],
        )
        .await
        .unwrap();
    client
        .add(
            "/ip/firewall/address-list",
            &[("list", "L"), ("address", "1.2.3.4/32")],
        )
        .await
        .unwrap();
    client
        .add(
            "/queue/simple",
            &[("name", "q"), ("target", "1.2.3.4"), ("max-limit", "5M/10M")],
        )
        .await
        .unwrap();
    assert_eq!(server.router.rows("/ip/pool")[0]["ranges"], "192.168.0.0/23");
    assert_eq!(
        server.router.rows("/ip/firewall/address-list")[0]["address"],
        "1.2.3.4"
    );
    assert_eq!(
        server.router.rows("/queue/simple")[0]["max-limit"],
        "5000000/10000000"
    );
    let again = client
        .add(
            "/ip/firewall/address-list",
            &[("list", "L"), ("address", "1.2.3.4")],
        )
        .await;
    assert!(matches!(again, Err(Error::AlreadyExists(_))), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn rules_keep_the_order_in_which_they_are_placed() {
    let (server, client) = pair(Personality::V7).await;
    let menu = "/ip/firewall/filter";
    let last = client
        .add(menu, &[("chain", "forward"), ("comment", "last")])
        .await
        .unwrap();
    client
        .add(
            menu,
            &[
                ("chain", "forward"),
                ("comment", "first"),
                ("place-before", &last),
            ],
        )
        .await
        .unwrap();
    let comments = |server: &simpul_routeros::sim::ServerHandle| -> Vec<String> {
        server
            .router
            .rows(menu)
            .iter()
            .map(|row| row["comment"].clone())
            .collect()
    };
    assert_eq!(comments(&server), ["first", "last"]);
    let first = server.router.rows(menu)[0][".id"].clone();
    client
        .command(Command::new("/ip/firewall/filter/move").with("numbers", first))
        .await
        .unwrap();
    assert_eq!(comments(&server), ["last", "first"]);
}

#[tokio::test(start_paused = true)]
async fn a_renamed_profile_is_followed_and_a_removed_one_dangles() {
    let (server, client) = pair(Personality::V7).await;
    client.add("/ppp/profile", &[("name", "gold")]).await.unwrap();
    client
        .add(SECRET, &[("name", "budi"), ("profile", "gold")])
        .await
        .unwrap();
    client
        .set("/ppp/profile", "gold", &[("name", "platinum")])
        .await
        .unwrap();
    assert_eq!(server.router.rows(SECRET)[0]["profile"], "platinum");
    client.remove("/ppp/profile", "platinum").await.unwrap();
    assert!(server.router.rows(SECRET)[0]["profile"].starts_with('*'));
}

#[tokio::test(start_paused = true)]
async fn a_virtual_router_is_known_by_its_licence() {
    let mut config = RouterConfig::new(Personality::V7Empty);
    config.virtual_router = true;
    config.serial_number = "6lR1ZPoutuJ".into();
    let server = Server::start(ServerConfig::in_memory(config)).await.unwrap();
    let client = connect(&server).await.unwrap();
    let said = client.identity().await.unwrap();
    assert_eq!(
        (said.serial_number.clone(), said.license_id.as_deref()),
        (None, Some("6lR1ZPoutuJ"))
    );
    assert_eq!(said.device().unwrap(), "license:6lR1ZPoutuJ");
    server
        .switches
        .change(|faults| faults.serial_number = Some("AnotherOne0".into()));
    let other = client.identity().await.unwrap();
    assert_eq!(other.device().unwrap(), "license:AnotherOne0");
}

#[tokio::test(start_paused = true)]
async fn the_router_says_what_it_can_do_and_who_it_is() {
    let (server, client) = pair(Personality::V7Empty).await;
    let capabilities = client.capabilities().await.unwrap();
    assert_eq!(
        capabilities.version,
        Version {
            major: 7,
            minor: 18,
            patch: 2
        }
    );
    assert!(capabilities.says_empty && capabilities.rest && capabilities.plain_login);
    client
        .set_single("/system/identity", &[("name", "pop-1")])
        .await
        .unwrap();
    assert_eq!(client.identity().await.unwrap().name, "pop-1");
    server
        .switches
        .change(|faults| faults.serial_number = Some("OTHER".into()));
    assert_eq!(client.identity().await.unwrap().serial_number.unwrap(), "OTHER");
    assert_eq!(client.identity().await.unwrap().device().unwrap(), "OTHER");
    for (text, expected) in [
        ("6.42.12 (long-term)", (6, 42, 12)),
        ("7.1beta4", (7, 1, 0)),
        ("7.20", (7, 20, 0)),
    ] {
        let version: Version = text.parse().unwrap();
        assert_eq!((version.major, version.minor, version.patch), expected);
    }
    assert!("seven".parse::<Version>().is_err());
}

#[tokio::test(start_paused = true)]
async fn many_commands_run_at_once_and_each_gets_its_own_answer() {
    let (server, client) = pair(Personality::V7).await;
    server
        .switches
        .change(|faults| faults.row_delay = std::time::Duration::from_millis(3));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100 {
        let client = client.clone();
        tasks.spawn(async move {
            let name = format!("c{number}");
            client.add(SECRET, &[("name", &name)]).await.unwrap();
            let rows = client
                .print(SECRET, &["name"], &[Query::equal("name", &name)])
                .await
                .unwrap();
            assert_eq!((rows.len(), rows[0].text("name")), (1, name));
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(client.count(SECRET, &[]).await.unwrap(), 100);
    assert_eq!(server.router.journal().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn long_and_strange_values_come_back_unchanged() {
    let (_server, client) = pair(Personality::V7).await;
    let long = "x".repeat(20_000);
    for comment in [
        long.as_str(),
        "a=b=c",
        "=",
        "!done",
        ".tag=7",
        " spaces ",
        "é日本",
    ] {
        let id = client
            .add(SECRET, &[("name", "n"), ("comment", comment)])
            .await
            .unwrap();
        let rows = client
            .print(SECRET, &["comment"], &[Query::equal("comment", comment)])
            .await
            .unwrap();
        assert_eq!(rows[0].text("comment"), comment);
        client.remove(SECRET, &id).await.unwrap();
    }
    let too_long = vec![b'x'; 16 * 1024 * 1024];
    let refused = client
        .command(Command::new("/ppp/secret/add").with("name", too_long))
        .await;
    assert!(matches!(refused, Err(Error::Encode(_))), "{refused:?}");
    assert!(!client.is_closed());
}

/// A condition and what it means.
#[derive(Debug, Clone)]
enum Condition {
    Named(&'static str),
    Commented,
    Or(Box<Condition>, Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
}

impl Condition {
    fn query(&self) -> Query {
        match self {
            Self::Named(name) => Query::equal("name", name),
            Self::Commented => Query::has("comment"),
            Self::Or(one, other) => one.query().or(&other.query()),
            Self::And(one, other) => one.query().and(&other.query()),
            Self::Not(one) => !one.query(),
        }
    }

    fn holds(&self, name: &str, comment: &str) -> bool {
        match self {
            Self::Named(wanted) => name == *wanted,
            Self::Commented => !comment.is_empty(),
            Self::Or(one, other) => one.holds(name, comment) || other.holds(name, comment),
            Self::And(one, other) => one.holds(name, comment) && other.holds(name, comment),
            Self::Not(one) => !one.holds(name, comment),
        }
    }
}

fn conditions() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["ani", "budi", "citra", "nobody"]).prop_map(Condition::Named),
        Just(Condition::Commented),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let pair = (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            pair.clone().prop_map(|(one, other)| Condition::Or(one, other)),
            pair.prop_map(|(one, other)| Condition::And(one, other)),
            inner.prop_map(|one| Condition::Not(Box::new(one))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_combination_of_conditions_finds_the_rows_that_it_means(
        all in prop::collection::vec(conditions(), 1..4)
    ) {
        let rows = [("ani", "isp:1"), ("budi", ""), ("citra", "isp:3")];
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let found = runtime.block_on(async {
            let (server, client) = pair(Personality::V7).await;
            for (name, comment) in rows {
                server.router.add(SECRET, &[("name", name), ("comment", comment)]).unwrap();
            }
            let queries: Vec<Query> = all.iter().map(Condition::query).collect();
            let found = client.print(SECRET, &["name"], &queries).await.unwrap();
            found.iter().map(|row| row.text("name")).collect::<Vec<_>>()
        });
        let meant = rows.iter().filter(|(name, comment)| all.iter().all(|one| one.holds(name, comment)));
        prop_assert_eq!(found, meant.map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
    }
}
