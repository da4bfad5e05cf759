//! What a real name server says, and when it says nothing.

use std::{fs, net::Ipv4Addr, time::Duration};

use simpul_adapters::{
    dns::Dns,
    egress::{DialError, Egress, Hosts, HttpLimits, Policy},
};
use simpul_testkit::dns::NameServer;
use tokio::{net::TcpListener, task::JoinSet, time::Instant};

const NAME: &str = "_simpul.tagihan.wifimaju.id";

#[tokio::test]
async fn texts_are_read_anew_and_put_together_from_their_strings() {
    let mut server = NameServer::start();
    let dns = Dns::at(&[server.address()]).expect("a resolver");
    let none: [&str; 0] = [];
    assert_eq!(dns.texts(NAME).await.expect("answered"), none, "no such name");
    let long = "x".repeat(700);
    server.says(NAME, &["token", &long]);
    let mut texts = dns.texts(NAME).await.expect("answered");
    texts.sort_unstable();
    assert_eq!(texts, ["token", &long]);
    server.says(NAME, &[]);
    assert_eq!(dns.texts(NAME).await.expect("answered"), none, "no such record");
}

#[tokio::test]
async fn trouble_is_not_an_answer() {
    let mut server = NameServer::start();
    let dns = Dns::at(&[server.address()]).expect("a resolver");
    server.fails(NAME);
    assert!(dns.texts(NAME).await.is_err());
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let silent = Dns::at(&[nobody.local_addr().expect("an address")]).expect("a resolver");
    assert!(silent.texts(NAME).await.is_err(), "nobody answers there");
}

/// More than the threads that a runtime has for what blocks (512).
const QUESTIONS: usize = 700;

fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("threads").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_nobody_answers_for_hold_up_no_other() {
    let mut server = NameServer::start();
    server.is_silent("*.lambat.example");
    server.leads("cepat.example", Ipv4Addr::LOCALHOST.into());
    let dns = Dns::at(&[server.address()]).expect("a resolver");
    let egress = Egress::with(
        Policy::development(),
        Hosts::Dns(Box::new(dns)),
        HttpLimits::default(),
    );
    let egress = egress.expect("a guard");
    let router = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = router.local_addr().expect("an address").port();
    let before = threads();
    let begun = Instant::now();
    let mut slow = JoinSet::new();
    for number in 0..QUESTIONS {
        let egress = egress.clone();
        slow.spawn(async move {
            let name = format!("router-{number}.lambat.example");
            egress.dial_router(&name, port, &[]).await
        });
    }
    tokio::task::yield_now().await;
    egress
        .dial_router("cepat.example", port, &[])
        .await
        .expect("another name is answered for");
    tokio::task::spawn_blocking(|| ())
        .await
        .expect("a thread is free");
    assert!(
        slow.try_join_next().is_none(),
        "the others wait still, after {:?}",
        begun.elapsed()
    );
    assert!(threads() < before + 64, "{before} threads became {}", threads());
    while let Some(dialled) = slow.join_next().await {
        let error = dialled.expect("no panic").expect_err("nobody answered");
        assert!(matches!(error, DialError::Timeout), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_from_one_that_is_refused() {
    let mut server = NameServer::start();
    server.leads("metadata.example", Ipv4Addr::new(169, 254, 169, 254).into());
    let dns = Dns::at(&[server.address()]).expect("a resolver");
    let egress = Egress::with(
        Policy::development(),
        Hosts::Dns(Box::new(dns)),
        HttpLimits::default(),
    );
    let egress = egress.expect("a guard");
    let nowhere = egress.router_addresses("nowhere.example", 8729, &[]).await;
    assert!(matches!(nowhere, Err(DialError::Resolve(_))), "{nowhere:?}");
    let forbidden = egress.router_addresses("metadata.example", 8729, &[]).await;
    assert!(matches!(forbidden, Err(DialError::Refused(_))), "{forbidden:?}");
    let own = egress.router_addresses("localhost", 8729, &[]).await;
    assert!(own.is_ok(), "/etc/hosts: {own:?}");
}
