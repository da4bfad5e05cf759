//! What the guard lets through and what it refuses.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use proptest::prelude::*;
use simpul_domain::{Code, Coded as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};
use url::Url;

use super::*;

fn url(text: &str) -> Url {
    text.parse().expect("a URL")
}

fn refused(text: &str) -> Option<Refusal> {
    let url: Url = text.parse().ok()?;
    Policy::production().check_url(&url).err()
}

fn prefixes(texts: &[&str]) -> Vec<Prefix> {
    texts.iter().map(|text| text.parse().expect("a prefix")).collect()
}

fn hosts(entries: &[(&str, &[&str])]) -> Hosts {
    let entry = |(name, answers): &(&str, &[&str])| {
        let answers = answers
            .iter()
            .map(|answer| answer.parse().expect("an address"))
            .collect();
        ((*name).to_owned(), answers)
    };
    Hosts::Table(entries.iter().map(entry).collect::<BTreeMap<_, _>>())
}

fn guard(policy: Policy, hosts: Hosts) -> Egress {
    Egress::with(policy, hosts, HttpLimits::default()).expect("a guard")
}

/// Answers every connection with the same bytes; with none it stays silent.
async fn server(answer: Vec<u8>) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0_u8; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&answer).await;
            open.push(stream);
        }
    });
    (address, tasks)
}

#[test]
fn no_spelling_of_an_inner_address_is_let_through() {
    let spelled = "
        127.0.0.1 127.1 127.255.255.254 2130706433 0x7f000001 0x7f.1 0177.0.0.1 127.0.0.1. 127。0。0。1
        １２７.0.0.1 %31%32%37.0.0.1 0 0.0.0.0 10.1.2.3 012.1.2.3 167838211 172.16.0.1 172.31.255.255
        192.168.88.1 0300.0250.1.1 3232257025 100.64.0.1 100.127.255.255 100.100.100.200
        169.254.169.254 0xa9fea9fe 169.254.1.1 192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1
        198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
        168.63.129.16 [::] [::1] [::127.0.0.1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1]
        [::ffff:8.8.8.8] [::ffff:0:127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::8.8.8.8] [64:ff9b:1::1]
        [100::1] [2001::1] [2001:2::1] [2001:10::1] [2001:db8::1] [2002:7f00:1::1] [2002:808:808::1]
        [3fff::1] [5f00::1] [fc00::1] [fd00:ec2::254] [fd12:3456::1] [fe80::1] [fec0::1] [ff02::1]
        [4000::1]
    ";
    for host in spelled.split_whitespace() {
        let refusal = refused(&format!("https://{host}/hook"));
        assert!(
            matches!(refusal, Some(Refusal::Address { .. })),
            "{host}: {refusal:?}"
        );
    }
}

#[test]
fn public_addresses_and_names_are_allowed() {
    for target in [
        "https://tripay.co.id/api/",
        "https://api.fonnte.com./send",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://100.63.255.255/",
        "https://172.32.0.1/",
        "https://223.255.255.255/",
    ] {
        assert_eq!(refused(target), None, "{target}");
    }
}

#[test]
fn schemes_ports_and_credentials_are_checked() {
    let table = [
        ("http://tripay.co.id/", Refusal::Scheme),
        ("ftp://tripay.co.id/", Refusal::Scheme),
        ("file:///etc/passwd", Refusal::Scheme),
        ("data:text/plain,x", Refusal::Scheme),
        ("https://user@tripay.co.id/", Refusal::Credentials),
        ("https://:secret@tripay.co.id/", Refusal::Credentials),
        ("https://tripay.co.id@127.0.0.1/", Refusal::Credentials),
        ("https://tripay.co.id:22/", Refusal::Port { port: 22 }),
        ("https://8.8.8.8:5432/", Refusal::Port { port: 5432 }),
    ];
    for (target, refusal) in table {
        assert_eq!(refused(target), Some(refusal), "{target}");
    }
    assert_eq!(Refusal::Scheme.code(), Code::TargetNotAllowed);
    assert_eq!(Refusal::Scheme.params(), serde_json::json!({ "rule": "scheme" }));
}

#[test]
fn the_platforms_own_networks_are_refused_even_inside_a_tunnel() {
    let policy = Policy {
        platform: prefixes(&["10.9.0.0/16", "20.30.40.0/24"]),
        ..Policy::production()
    };
    let tunnels = prefixes(&["10.0.0.0/8"]);
    let ask = |address: &str| policy.allow_router(address.parse().expect("an address"), 8728, &tunnels);
    assert_eq!(ask("10.9.1.1"), Err(Refusal::Platform));
    assert_eq!(ask("20.30.40.50"), Err(Refusal::Platform));
    assert_eq!(ask("10.8.1.1"), Ok(()));
}

#[test]
fn a_tunnel_opens_private_space_and_nothing_else() {
    let everything = prefixes(&["0.0.0.0/0", "::/0"]);
    let policy = Policy::production();
    for address in [
        "127.0.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "::1",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:10.0.0.1",
    ] {
        let answer = policy.allow_router(address.parse().expect("an address"), 8728, &everything);
        assert!(matches!(answer, Err(Refusal::Address { .. })), "{address}");
    }
    assert_eq!(
        policy.allow_router(Ipv4Addr::new(10, 1, 1, 1).into(), 8728, &everything),
        Ok(())
    );
    assert_eq!(
        policy.allow_router(Ipv4Addr::new(10, 1, 1, 1).into(), 22, &everything),
        Err(Refusal::Port { port: 22 })
    );
}

#[tokio::test]
async fn a_name_is_refused_when_no_answer_may_be_dialled() {
    let names = hosts(&[
        ("inner.example", &["10.0.0.1", "127.0.0.1", "::1"]),
        (
            "tunnelled.example",
            &["10.20.0.5", "10.30.0.5", "169.254.169.254"],
        ),
    ]);
    let guard = guard(Policy::production(), names);
    let refusal = guard
        .http()
        .get(url("https://inner.example/"))
        .expect("a name")
        .send()
        .await
        .expect_err("refused");
    assert!(
        matches!(refusal, HttpError::Refused(Refusal::Name)),
        "{refusal:?}"
    );
    assert_eq!(refusal.code(), Code::TargetNotAllowed);

    let tunnels = prefixes(&["10.20.0.0/16"]);
    let allowed = guard
        .router_addresses("tunnelled.example", 8728, &tunnels)
        .await
        .expect("an address");
    assert_eq!(allowed, ["10.20.0.5:8728".parse().expect("an address")]);
    let refusal = guard
        .dial_router("tunnelled.example", 8728, &[])
        .await
        .expect_err("refused");
    assert!(
        matches!(refusal, DialError::Refused(Refusal::Name)),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn routers_are_checked_however_their_address_is_spelled() {
    let guard = guard(Policy::production(), Hosts::default());
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
        "192.168.88.1",
        " 10.0.0.1 ",
    ] {
        let refusal = guard.dial_router(host, 8728, &[]).await.expect_err("refused");
        assert!(
            matches!(refusal, DialError::Refused(Refusal::Address { .. })),
            "{host}: {refusal:?}"
        );
    }
    for host in [
        "",
        "a b",
        "user@router",
        "router:8728",
        "router/",
        "fe80::1%eth0",
        "[::1",
    ] {
        let refusal = guard.dial_router(host, 8728, &[]).await.expect_err("refused");
        assert!(
            matches!(refusal, DialError::Refused(Refusal::Host)),
            "{host}: {refusal:?}"
        );
    }
}

#[tokio::test]
async fn development_reaches_this_machine_and_nothing_else_inside() {
    let (address, _tasks) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec()).await;
    let guard = guard(
        Policy::development(),
        hosts(&[("gateway.test", &["10.0.0.1", "127.0.0.1"])]),
    );
    let by_name = url(&format!("http://gateway.test:{}/", address.port()));
    for target in [url(&format!("http://{address}/")), by_name] {
        let reply = guard
            .http()
            .get(target)
            .expect("allowed")
            .send()
            .await
            .expect("an answer");
        assert_eq!((reply.status, &reply.body[..]), (200, &b"ok"[..]));
    }
    guard
        .dial_router("127.0.0.1", address.port(), &[])
        .await
        .expect("a connection");
    for target in [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00:ec2::254]/",
    ] {
        assert!(guard.http().get(url(target)).is_err(), "{target}");
    }
}

#[tokio::test]
async fn redirects_are_answers_and_are_not_followed() {
    let answer = b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n";
    let (address, _tasks) = server(answer.to_vec()).await;
    let guard = guard(Policy::development(), Hosts::default());
    let reply = guard
        .http()
        .get(url(&format!("http://{address}/")))
        .expect("allowed")
        .send()
        .await;
    assert_eq!(reply.expect("an answer").status, 302);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_cut_off() {
    let mut answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    answer.resize(answer.len() + 70_000, b'x');
    let (address, _tasks) = server(answer).await;
    let guard = guard(Policy::development(), Hosts::default());
    let error = guard
        .http()
        .get(url(&format!("http://{address}/")))
        .expect("allowed")
        .send()
        .await;
    assert!(
        matches!(
            error,
            Err(HttpError::TooLong {
                status: 200,
                limit: 65_536
            })
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_closed_port_is_not_sent_and_silence_is_no_answer() {
    let limits = HttpLimits {
        total: Duration::from_millis(400),
        ..HttpLimits::default()
    };
    let guard = Egress::with(Policy::development(), Hosts::default(), limits).expect("a guard");
    let (silent, _tasks) = server(Vec::new()).await;
    let error = guard
        .http()
        .get(url(&format!("http://{silent}/")))
        .expect("allowed")
        .send()
        .await;
    let error = error.expect_err("silence");
    assert!(
        matches!(error, HttpError::NoAnswer(_)) && error.may_have_taken_effect(),
        "{error:?}"
    );

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed = listener.local_addr().expect("an address");
    drop(listener);
    let error = guard
        .http()
        .get(url(&format!("http://{closed}/secret")))
        .expect("allowed")
        .send()
        .await;
    let error = error.expect_err("closed");
    assert!(
        matches!(error, HttpError::NotSent(_)) && !error.may_have_taken_effect(),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains("secret"));
    let dial = guard
        .dial_router("127.0.0.1", closed.port(), &[])
        .await
        .expect_err("closed");
    assert!(matches!(dial, DialError::Connect(_)), "{dial:?}");
}

#[test]
fn a_prefix_prints_as_its_network() {
    let prefix: Prefix = "10.20.30.40/16".parse().expect("a prefix");
    assert_eq!(prefix.to_string(), "10.20.0.0/16");
    for text in [
        "10.0.0.0",
        "10.0.0.0/33",
        "::/129",
        "a/8",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
    ] {
        assert_eq!(text.parse::<Prefix>(), Err(PrefixError), "{text}");
    }
}

/// IANA special-purpose blocks of IPv4 that are not globally reachable, and multicast.
const CLOSED_V4: &str = "
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
    192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
    224.0.0.0/4 240.0.0.0/4 168.63.129.16/32
";

fn closed_v4() -> Vec<&'static str> {
    CLOSED_V4.split_whitespace().collect()
}

const CLOSED_V6: &[&str] = &["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_ipv4_address_is_public_exactly_outside_the_closed_blocks(bits: u32) {
        let address = IpAddr::V4(Ipv4Addr::from_bits(bits));
        let closed = prefixes(&closed_v4()).iter().any(|block| block.contains(address));
        prop_assert_eq!(AddressClass::of(address) == AddressClass::Public, !closed);
    }

    #[test]
    fn any_spelling_of_a_closed_ipv4_address_is_refused(block in prop::sample::select(closed_v4()), bits: u32, form in 0..6_u8) {
        let (network, length) = block.split_once('/').expect("a block");
        let network: Ipv4Addr = network.parse().expect("a network");
        let host = if length == "32" { 0 } else { bits >> length.parse::<u32>().expect("a length") };
        let address = Ipv4Addr::from_bits(network.to_bits() | host);
        let [a, b, c, d] = address.octets();
        let spelled = match form {
            0 => address.to_string(),
            1 => address.to_bits().to_string(),
            2 => format!("0x{:x}", address.to_bits()),
            3 => format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
            4 => format!("[{}]", address.to_ipv6_mapped()),
            _ => format!("{address}."),
        };
        let refusal = refused(&format!("https://{spelled}/"));
        prop_assert!(matches!(refusal, Some(Refusal::Address { .. })), "{} {:?}", spelled, refusal);
    }

    #[test]
    fn an_ipv6_address_is_public_only_in_global_unicast_space(bits: u128, global: bool) {
        let bits = if global { (bits >> 3) | (1 << 125) } else { bits };
        let address = IpAddr::V6(Ipv6Addr::from_bits(bits));
        let open = bits >> 125 == 1 && !prefixes(CLOSED_V6).iter().any(|block| block.contains(address));
        prop_assert_eq!(AddressClass::of(address) == AddressClass::Public, open);
    }

    #[test]
    fn production_never_lets_an_inner_address_through(bits: u128, low: u32, v4: bool, port: u16) {
        let address = if v4 {
            IpAddr::V4(Ipv4Addr::from_bits(low))
        } else {
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        };
        let policy = Policy::production();
        let public = AddressClass::of(address) == AddressClass::Public;
        prop_assert_eq!(policy.allow_http(address, port).is_ok(), public && port == 443);
        prop_assert_eq!(policy.allow_router(address, 8728, &[]).is_ok(), public);
    }

    #[test]
    fn a_prefix_contains_its_own_addresses(bits: u128, length in 0..=128_u8) {
        let address = IpAddr::V6(Ipv6Addr::from_bits(bits));
        let prefix = Prefix::try_new(address, length).expect("a prefix");
        prop_assert!(prefix.contains(address));
        prop_assert_eq!(prefix.to_string().parse::<Prefix>(), Ok(prefix));
    }

    #[test]
    fn rubbish_hosts_never_panic(host in ".{0,60}") {
        if let Ok(url) = format!("https://{host}/").parse::<Url>() {
            let _ = Policy::production().check_url(&url);
        }
    }
}
