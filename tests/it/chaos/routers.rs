//! Routers that hang or never stop talking.

use std::{fs, net::SocketAddr};

use simpul::{
    config::Config,
    demo::{
        seed::{self, Accounts},
        surroundings::Surroundings,
    },
};
use simpul_chaos::history::{History, Told, Verdict};
use simpul_domain::network::{RouterAddress, RouterHost, TlsMode};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, task::JoinSet};

use super::{Trial, keep};
use crate::world::{Way, World};

/// Operators of each hostile router.
const OPERATORS: usize = 4;
/// More than this a server may not grow by listening to a router that never stops.
const GROWTH_KB: u64 = 80_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_router_holds_up_nobody_else_and_is_not_listened_to_for_ever() {
    let trial = Trial::of("router-hostile", "a_hostile_router_holds_up_nobody_else");
    let world = World::start(Way::Store).await;
    world.confirmed("full", 1).await;
    let before = resident_kb(world.pid());
    // One accepts connections and says nothing.
    let frozen = Surroundings::start(&mut Config::default())
        .await
        .expect("another router");
    frozen.router.switches.apply_text("freeze on").expect("a switch");
    // One never stops talking.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let talking = listener.local_addr().expect("an address");
    let mut talk = JoinSet::new();
    talk.spawn(talk_without_end(listener));
    let mut hostile = Vec::new();
    for accounts in [Accounts::of(&frozen).expect("accounts"), at(talking, &world)] {
        for _ in 0..OPERATORS {
            hostile.push(seed::operator(&world.bus, &accounts).await.expect("an operator"));
        }
    }
    let history = History::default();
    let start = history.now();
    let order = world.isolated_and_about_to_pay().await;
    world.around.tripay.pay(&order).await.expect("paid");
    world.assert_paid_and_online().await;
    history.record("paid and online", start, Told::Ok);
    let grown = resident_kb(world.pid()).saturating_sub(before);
    assert!(grown < GROWTH_KB, "the server has grown by {grown} kB");
    let found = [("paid and online".to_owned(), 1)].into();
    let verdict = Verdict::of(&history, &found);
    keep(
        &trial
            .outcome(verdict, hostile.len())
            .recovered_in(Some(history.now().saturating_sub(start))),
    );
}

/// The world's gateway and messenger, and a router in plain text.
fn at(address: SocketAddr, world: &World) -> Accounts {
    Accounts {
        router: RouterAddress {
            host: RouterHost::parse(&address.ip().to_string()).expect("a host"),
            port: address.port(),
            tls: TlsMode::Plain,
        },
        ..Accounts::of(&world.around).expect("accounts")
    }
}

/// Rows without an end, to anybody who connects.
async fn talk_without_end(listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        connections.spawn(async move {
            let row = [
                b"\x03!re".as_slice(),
                &[0x80 | 0x0f, 0xff],
                &[b'x'; 0x0fff],
                b"\0",
            ]
            .concat();
            while stream.write_all(&row).await.is_ok() {}
        });
    }
}

fn resident_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("its size");
    line.split_whitespace()
        .nth(1)
        .expect("a number")
        .parse()
        .expect("a number")
}
