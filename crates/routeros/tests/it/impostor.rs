//! Someone who copied the router's certificate but does not hold its key.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use simpul_routeros::client::{Client, Error, Options, Security};
use simpul_routeros::tls::Fingerprint;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::rig::login;

#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn acceptor(
    certificate: &rcgen::Certificate,
    key: &rcgen::KeyPair,
    version: &'static rustls::SupportedProtocolVersion,
) -> TlsAcceptor {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider.key_provider.load_private_key(key).unwrap();
    let shown = CertifiedKey::new(vec![certificate.der().clone()], key);
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shows(Arc::new(shown))));
    TlsAcceptor::from(Arc::new(config))
}

async fn connect(acceptor: TlsAcceptor, pin: Fingerprint) -> (Result<Client, Error>, bool) {
    let (ours, theirs) = tokio::io::duplex(16 * 1024);
    let mut server = JoinSet::new();
    server.spawn(async move { acceptor.accept(theirs).await.is_ok() });
    let client = Client::over(ours, "router.test", Options::new(login(), Security::Pinned(pin))).await;
    (client, server.join_next().await.unwrap().unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_right_certificate_without_its_key_is_refused_in_both_versions_of_tls() {
    let router = rcgen::generate_simple_self_signed(vec!["router".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["router".to_owned()]).unwrap();
    let pin = Fingerprint::of_certificate(router.cert.der());
    for version in [&TLS12, &TLS13] {
        let (_, genuine) = connect(acceptor(&router.cert, &router.signing_key, version), pin).await;
        assert!(genuine, "the key's owner completes the handshake");
        let (client, impostor) = connect(acceptor(&router.cert, &other.signing_key, version), pin).await;
        assert!(matches!(client, Err(Error::Tls(_))), "{client:?}");
        assert!(!impostor);
    }
}
