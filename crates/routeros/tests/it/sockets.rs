//! Real sockets on loopback: plain, TLS with pins, and the control protocol.

use simpul_routeros::client::{
    Client, Desired, DialError, Endpoint, Error, Options, Security, Timing, Waiting, ensure,
    observe_certificate,
};
use simpul_routeros::sim::{
    Certificate, Personality, Power, RouterConfig, Server, ServerConfig, ServerHandle,
};
use simpul_routeros::tls::{Fingerprint, Roots};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::rig::login;

async fn server() -> ServerHandle {
    let mut config = ServerConfig::loopback(RouterConfig::new(Personality::V7));
    config.control = Some(([127, 0, 0, 1], 0).into());
    Server::start(config).await.unwrap()
}

fn endpoint(addr: Option<std::net::SocketAddr>) -> Endpoint {
    let addr = addr.unwrap();
    Endpoint {
        host: addr.ip().to_string(),
        port: addr.port(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test dials its own simulator on loopback"
)]
async fn dial(endpoint: Endpoint) -> Result<TcpStream, DialError> {
    Ok(TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?)
}

async fn connect(at: &Endpoint, security: Security) -> Result<Client, Error> {
    Client::connect(at, Options::new(login(), security), dial).await
}

#[tokio::test]
async fn plain_and_pinned_tls_reach_the_same_router() {
    let server = server().await;
    let plain = connect(&endpoint(server.addr), Security::Plain).await.unwrap();
    let pin = server.fingerprint.unwrap();
    let tls = connect(&endpoint(server.tls_addr), Security::Pinned(pin))
        .await
        .unwrap();
    plain.add("/ppp/secret", &[("name", "budi")]).await.unwrap();
    assert_eq!(tls.count("/ppp/secret", &[]).await.unwrap(), 1);
    assert!(tls.print("/ppp/secret", &["name"], &[]).await.unwrap()[0].text("name") == "budi");
    server.stop().await;
    assert!(matches!(tls.identity().await, Err(Error::Closed)));
}

/// A router with a certificate for `name` that an authority of its own has signed, and that authority in PEM.
async fn signed_server(name: &str) -> (ServerHandle, String) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &issuer).unwrap();
    let mut config = ServerConfig::loopback(RouterConfig::new(Personality::V7));
    config.certificate = Some(Certificate {
        der: certificate.der().to_vec(),
        key: key.serialize_der(),
    });
    (Server::start(config).await.unwrap(), authority_certificate.pem())
}

#[tokio::test]
async fn a_certificate_is_believed_when_a_known_authority_signed_it_for_this_name() {
    let (server, authority) = signed_server("127.0.0.1").await;
    let roots = Roots::none().with_pem(authority.as_bytes()).unwrap();
    let at = endpoint(server.tls_addr);
    let client = connect(&at, Security::Verified(roots.clone())).await.unwrap();
    assert_eq!(client.identity().await.unwrap().name, "simulated");
    let stranger = connect(&at, Security::Verified(Roots::none())).await;
    assert!(matches!(stranger, Err(Error::Tls(_))), "{stranger:?}");
    let (elsewhere, authority) = signed_server("router.example").await;
    let roots = roots.with_pem(authority.as_bytes()).unwrap();
    let misnamed = connect(&endpoint(elsewhere.tls_addr), Security::Verified(roots)).await;
    assert!(matches!(misnamed, Err(Error::Tls(_))), "{misnamed:?}");
}

#[test]
fn a_text_without_a_certificate_is_no_authority() {
    assert!(Roots::none().with_pem(b"nothing").is_err());
}

#[tokio::test]
async fn one_wrong_bit_in_the_pin_refuses_the_router_and_names_what_it_showed() {
    let server = server().await;
    let mut wrong = *server.fingerprint.unwrap().as_bytes();
    wrong[31] ^= 1;
    let result = connect(
        &endpoint(server.tls_addr),
        Security::Pinned(Fingerprint::new(wrong)),
    )
    .await;
    let Err(Error::PinMismatch(mismatch)) = result else {
        panic!("{result:?}")
    };
    assert_eq!(Some(mismatch.seen), server.fingerprint);
    assert!(server.router.api_sessions() == 0);

    let stream = dial(endpoint(server.tls_addr)).await.unwrap();
    let seen = observe_certificate(stream, "127.0.0.1", Timing::default().handshake)
        .await
        .unwrap();
    assert_eq!(Some(seen), server.fingerprint);
    let read: Fingerprint = seen.to_string().to_uppercase().parse().unwrap();
    assert_eq!(read, seen);
    assert!("abc".parse::<Fingerprint>().is_err());
}

#[tokio::test]
async fn tls_to_a_plain_port_and_plain_to_a_tls_port_fail_without_a_session() {
    let server = server().await;
    let mut options = Options::new(login(), Security::Pinned(server.fingerprint.unwrap()));
    options.timing.handshake = std::time::Duration::from_millis(300);
    let tls = Client::connect(&endpoint(server.addr), options, dial).await;
    assert!(
        matches!(
            tls,
            Err(Error::Tls(_) | Error::Closed | Error::Timeout(Waiting::Handshake))
        ),
        "{tls:?}"
    );
    let mut options = Options::new(login(), Security::Plain);
    options.timing.session.login = std::time::Duration::from_millis(300);
    let plain = Client::connect(&endpoint(server.tls_addr), options, dial).await;
    assert!(
        matches!(
            plain,
            Err(Error::Protocol(_) | Error::Closed | Error::Timeout(Waiting::Login))
        ),
        "{plain:?}"
    );
}

#[tokio::test]
async fn a_router_that_is_off_refuses_the_socket_and_comes_back_at_the_same_port() {
    let server = server().await;
    let at = endpoint(server.addr);
    server.switches.change(|faults| faults.power = Power::Refuse);
    // The switch is noticed by the accepting task, so the first tries may still be accepted and closed.
    let mut last = connect(&at, Security::Plain).await;
    for _ in 0..100 {
        if matches!(last, Err(Error::Refused)) {
            break;
        }
        tokio::task::yield_now().await;
        last = connect(&at, Security::Plain).await;
    }
    assert!(matches!(last, Err(Error::Refused)), "{last:?}");
    server.switches.reset();
    let back = async {
        while connect(&at, Security::Plain).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), back)
        .await
        .expect("the router comes back");
}

#[tokio::test]
async fn connecting_and_ensuring_can_run_in_spawned_tasks() {
    let server = server().await;
    let at = endpoint(server.addr);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let at = at.clone();
        tasks.spawn(async move {
            let client = connect(&at, Security::Plain).await?;
            ensure(
                &client,
                &Desired::new("/ppp/secret", "name", &format!("c{number}")),
            )
            .await
        });
    }
    while let Some(done) = tasks.join_next().await {
        assert!(done.unwrap().unwrap().added);
    }
    assert_eq!(server.router.rows("/ppp/secret").len(), 8);
}

#[tokio::test]
async fn a_dialer_may_refuse() {
    let at = Endpoint {
        host: "10.0.0.1".into(),
        port: 8728,
    };
    let refusing = |_| async { Err::<TcpStream, _>(DialError::NotAllowed("private address".into())) };
    let options = Options::new(login(), Security::Plain);
    assert!(matches!(
        Client::connect(&at, options.clone(), refusing).await,
        Err(Error::NotAllowed(_))
    ));
    let unknown = |_| async { Err::<TcpStream, _>(DialError::Dns("no such name".into())) };
    assert!(matches!(
        Client::connect(&at, options, unknown).await,
        Err(Error::Dns(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_dialer_that_hangs_is_given_three_seconds() {
    let at = Endpoint {
        host: "192.0.2.1".into(),
        port: 8728,
    };
    let hanging = |_| std::future::pending::<Result<TcpStream, DialError>>();
    let result = Client::connect(&at, Options::new(login(), Security::Plain), hanging).await;
    assert!(
        matches!(result, Err(Error::Timeout(Waiting::Connect))),
        "{result:?}"
    );
}

#[tokio::test]
async fn the_control_port_throws_switches() {
    let server = server().await;
    let (reader, mut writer) = dial(endpoint(server.control_addr)).await.unwrap().into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"freeze on\nexplode\nstatus\n").await.unwrap();
    assert!(
        lines
            .next_line()
            .await
            .unwrap()
            .unwrap()
            .starts_with("ok power on; freeze on")
    );
    assert!(lines.next_line().await.unwrap().unwrap().starts_with("error "));
    assert!(lines.next_line().await.unwrap().unwrap().starts_with("ok "));
    assert!(server.switches.current().freeze);
}
