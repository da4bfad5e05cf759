//! The server may open few files, and clients take as many as they get.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde_json::json;
use simpul_adapters::standin::tripay::Callback;
use simpul_chaos::history::Told;
use tokio::net::{TcpSocket, TcpStream};

use super::{
    Trial,
    crowd::{Crowd, Manners, without_limits},
    keep,
};
use crate::world::{Setting, Way, World};

/// Some more than the server needs for itself.
const FILES: usize = 320;

/// Connections that say nothing, from `addresses` of this machine, `each` of one.
async fn silent(world: &World, addresses: u8, each: usize) -> Vec<TcpStream> {
    let server = world.listens_at();
    let mut open = Vec::new();
    for last in 2..2 + addresses {
        for _ in 0..each {
            let socket = TcpSocket::new_v4().expect("a socket");
            let own = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
            socket.bind(own).expect("an address of this machine");
            let connected = socket.connect(server).await;
            open.push(connected.expect("taken, or ended later"));
        }
    }
    open
}

/// How many files the server has open.
fn files(world: &World) -> usize {
    fs::read_dir(format!("/proc/{}/fd", world.pid()))
        .expect("a process")
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_hold_every_seat_leave_the_server_its_files() {
    let trial = Trial::of(
        "few-files",
        "clients_that_hold_every_seat_leave_the_server_its_files",
    );
    let mut environment = without_limits();
    environment.push((
        "SIMPUL_HTTP__CONNECTIONS__PER_ADDRESS".to_owned(),
        "24".to_owned(),
    ));
    let world = World::begin(Setting {
        environment,
        below: vec!["prlimit".to_owned(), format!("--nofile={FILES}:{FILES}")],
        ..Setting::from(Way::Store)
    })
    .await;
    let order = world.isolated_and_about_to_pay().await;
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "F", Manners::patient(4));
    crowd.succeeds(&world, 20).await;

    // One address takes its part and no more: whoever comes from elsewhere notices nothing.
    let refused = crowd.history.count(Told::Refused);
    let greedy = silent(&world, 1, 150).await;
    crowd.succeeds(&world, 40).await;
    assert_eq!(crowd.history.count(Told::Refused), refused, "others pay for it");
    drop(greedy);

    // Many addresses take what there is, again and again. Newcomers are refused; the server has its own files.
    let (mut strikes, mut most) = (150, 0);
    let query = "{ customers(first: 1) { nodes { id } } }";
    for _ in 0..3 {
        let held = silent(&world, 30, 12).await;
        strikes += held.len();
        world
            .until("a newcomer is told that there is no room", async || {
                most = files(&world).max(most);
                let (status, body) = world.ask_once(query, &json!({})).await;
                status == 503 && body["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
            })
            .await;
    }
    assert!(most < FILES, "{most} of {FILES} files");
    // The main job needs the database, the router and the messenger; the gateway waits for a seat as everybody does.
    let healed = crowd.history.now();
    world.notify(&Callback::paid(&order)).await;
    world.assert_paid_and_online().await;
    crowd.succeeds(&world, 40).await;
    let recovery = crowd.history.recovery(healed);
    let history = crowd.disperse().await;
    let verdict = world.verdict(world.operator.tenant, &history, 100).await;
    assert!(
        recovery.is_some_and(|recovery| recovery < Duration::from_secs(20)),
        "{recovery:?}"
    );
    keep(&trial.outcome(verdict, strikes).recovered_in(recovery));
}
