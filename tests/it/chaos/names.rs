//! Routers whose names nobody answers for.

use simpul::demo::seed::{self, Accounts};
use simpul_chaos::history::{History, Told, Verdict};
use simpul_domain::network::{RouterAddress, RouterHost, TlsMode};
use simpul_testkit::dns::NameServer;

use super::{Trial, keep};
use crate::world::{Setting, Way, World};

/// Whose routers are looked for in vain.
const OPERATORS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_nobody_answers_for_are_their_operators_matter() {
    let trial = Trial::of(
        "names",
        "names_that_nobody_answers_for_are_their_operators_matter",
    );
    let mut names = NameServer::start();
    names.is_silent("*.lambat.example");
    let servers = format!("[\"{}\"]", names.address());
    let world = World::begin(Setting {
        environment: vec![("SIMPUL_EGRESS__NAME_SERVERS".to_owned(), servers)],
        ..Setting::from(Way::Store)
    })
    .await;
    world.confirmed("full", 1).await;
    let accounts = Accounts::of(&world.around).expect("accounts");
    for number in 0..OPERATORS {
        let host = RouterHost::parse(&format!("router-{number}.lambat.example")).expect("a host");
        let router = RouterAddress {
            host,
            port: 8728,
            tls: TlsMode::Plain,
        };
        let accounts = Accounts {
            router,
            ..accounts.clone()
        };
        seed::operator(&world.bus, &accounts).await.expect("an operator");
    }
    let history = History::default();
    let start = history.now();
    let order = world.isolated_and_about_to_pay().await;
    world.around.tripay.pay(&order).await.expect("paid");
    world.assert_paid_and_online().await;
    history.record("paid and online", start, Told::Ok);
    let found = [("paid and online".to_owned(), 1)].into();
    let verdict = Verdict::of(&history, &found);
    let took = history.now().saturating_sub(start);
    keep(&trial.outcome(verdict, OPERATORS).recovered_in(Some(took)));
}
