//! The simulator by itself: it survives every client, and its clock runs without one.

use std::time::Duration;

use proptest::prelude::*;
use simpul_routeros::client::Query;
use simpul_routeros::codec::Sentence;
use simpul_routeros::sim::{Conversation, Faults, Personality, Router, RouterConfig, Server, ServerConfig};

use crate::rig::{SECRET, connect, pair};

#[tokio::test(start_paused = true)]
async fn every_new_secret_gets_a_device_when_dialling_is_automatic() {
    let mut config = RouterConfig::new(Personality::V7);
    config.dial_automatically = true;
    let server = Server::start(ServerConfig::in_memory(config)).await.unwrap();
    let client = connect(&server).await.unwrap();
    client.add(SECRET, &[("name", "budi")]).await.unwrap();
    assert!(server.router.rows("/ppp/active").is_empty());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(server.router.rows("/ppp/active")[0]["name"], "budi");
    assert_eq!(server.router.snapshot().menus["/ppp/active"].len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_entry_with_a_time_out_is_dynamic_and_ends_by_itself() {
    let (server, client) = pair(Personality::V7).await;
    let menu = "/ip/firewall/address-list";
    let id = client
        .add(menu, &[("list", "L"), ("address", "1.2.3.4"), ("timeout", "10m")])
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_mins(4)).await;
    let rows = client
        .print(menu, &["timeout", "dynamic"], &[Query::equal(".id", &id)])
        .await
        .unwrap();
    assert_eq!(
        (rows[0].duration("timeout"), rows[0].flag("dynamic")),
        (Some(Duration::from_mins(6)), Some(true))
    );
    tokio::time::sleep(Duration::from_mins(7)).await;
    assert!(server.router.rows(menu).is_empty());
}

#[test]
fn nothing_is_answered_before_the_login() {
    let mut router = Router::new(RouterConfig::new(Personality::V7));
    let mut session = Conversation::new(1);
    let print = Sentence::of("/ppp/secret/print");
    session.receive(&mut router, &mut Faults::default(), Duration::ZERO, &print);
    let output = session.poll(Duration::ZERO);
    assert_eq!(
        output.sentences,
        [Sentence::from_words(["!fatal", "not logged in"])]
    );
    assert!(output.close);
}

fn logged_in(router: &mut Router) -> Conversation {
    let mut session = Conversation::new(1);
    let login = Sentence::of("/login")
        .attribute("name", "api")
        .attribute("password", "rahasia");
    session.receive(router, &mut Faults::default(), Duration::ZERO, &login);
    assert_eq!(session.poll(Duration::ZERO).sentences, [Sentence::of("!done")]);
    session
}

fn words() -> impl Strategy<Value = Vec<String>> {
    let menu = prop::sample::select(vec![
        "/ppp/secret",
        "/ppp/profile",
        "/ppp/active",
        "/ip/pool",
        "/ppp/aaa",
        "/no",
    ]);
    let verb = prop::sample::select(vec![
        "add", "set", "remove", "enable", "disable", "unset", "move", "print", "x",
    ]);
    let word = prop_oneof![
        Just("=name=a".to_owned()),
        Just("=name=b".to_owned()),
        Just("=.id=*1".to_owned()),
        Just("=numbers=a,*2".to_owned()),
        Just("=profile=default".to_owned()),
        Just("=ranges=10.0.0.0/30".to_owned()),
        Just("=remote-address=a".to_owned()),
        Just("=value-name=profile".to_owned()),
        Just("=count-only=".to_owned()),
        Just("?name=a".to_owned()),
        Just("?#|!".to_owned()),
        "[=?.!][a-z#<>0-9&|.=-]{0,12}",
    ];
    (menu, verb, prop::collection::vec(word, 0..5)).prop_map(|(menu, verb, mut rest)| {
        rest.insert(0, format!("{menu}/{verb}"));
        rest
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_command_gets_one_done_and_names_stay_unique(commands in prop::collection::vec(words(), 1..30)) {
        let mut router = Router::new(RouterConfig::new(Personality::V7Empty));
        let mut session = logged_in(&mut router);
        for words in commands {
            let sentence = Sentence::from_words(words.iter().map(|word| word.as_bytes().to_vec())).tagged(b"t");
            session.receive(&mut router, &mut Faults::default(), Duration::from_secs(1), &sentence);
            let output = session.poll(Duration::from_secs(1));
            let done = output.sentences.iter().filter(|reply| reply.first() == b"!done").count();
            prop_assert_eq!(done, 1, "{:?}", words);
            prop_assert!(!output.close);
            for menu in ["/ppp/profile", "/ip/pool"] {
                let mut names: Vec<_> =
                    router.plain_rows(Duration::from_secs(1), menu).into_iter().map(|row| row["name"].clone()).collect();
                let count = names.len();
                names.sort();
                names.dedup();
                prop_assert_eq!(names.len(), count, "{}", menu);
            }
        }
    }
}
