//! A server that is reached over TCP too, and there with TLS only.

use std::{
    fs,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU8, Ordering},
};

use url::Url;

use super::{HBA, OwnPostgres};

/// Addresses of this machine that no other test takes.
static NEXT: AtomicU8 = AtomicU8::new(1);

/// How to reach such a server.
#[derive(Debug)]
pub struct Encrypted {
    pub cluster: OwnPostgres,
    /// Whom its certificate names.
    pub named: Ipv4Addr,
    /// It listens here too, and its certificate does not say so.
    pub unnamed: Ipv4Addr,
    /// The authority that vouches for its certificate.
    pub authority: PathBuf,
}

impl Encrypted {
    pub async fn start() -> Self {
        let mut cluster = OwnPostgres::new(None);
        cluster.make_cluster();
        let [.., second, third] = process::id().to_be_bytes();
        let fourth = NEXT.fetch_add(2, Ordering::Relaxed);
        let named = Ipv4Addr::new(127, second | 0x80, third, fourth);
        let unnamed = Ipv4Addr::new(127, second | 0x80, third, fourth + 1);
        let made = rcgen::generate_simple_self_signed([named.to_string()]).expect("a certificate");
        let authority = cluster.home.path().join("authority.pem");
        fs::write(&authority, made.cert.pem()).expect("written");
        let (certificate, key) = (cluster.data().join("tls.pem"), cluster.data().join("tls.key"));
        fs::write(&certificate, made.cert.pem()).expect("written");
        fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("permissions");
        for file in [&certificate, &key] {
            cluster.account.own(file);
        }
        cluster.configure(&format!(
            "listen_addresses = '{named},{unnamed}'
ssl = on
ssl_cert_file = '{}'
ssl_key_file = '{}'
",
            certificate.display(),
            key.display()
        ));
        let hba = format!("{HBA}hostssl all all 127.0.0.0/8 trust\n");
        fs::write(cluster.data().join("pg_hba.conf"), hba).expect("written");
        cluster.up().await;
        cluster.bootstrap().await;
        Self {
            cluster,
            named,
            unnamed,
            authority,
        }
    }

    /// URL of a role over TCP.
    pub fn url(&self, role: &str, host: Ipv4Addr, query: &str) -> Url {
        Url::parse(&format!("postgres://{role}@{host}/simpul?{query}")).expect("a URL")
    }
}
