//! Starts simulated routers on free loopback ports and prints where they are, as one line of JSON, for clients in
//! other languages (`tests/conformance/librouteros_check.py`). Ends when its standard input is closed.

use simpul_routeros::sim::{Personality, RouterConfig, Server, ServerConfig, ServerHandle, StartError};
use tokio::io::AsyncReadExt;

async fn start(personality: Personality) -> Result<ServerHandle, StartError> {
    Server::start(ServerConfig::loopback(RouterConfig::new(personality))).await
}

fn describe(name: &str, server: &ServerHandle) -> String {
    let port = |addr: Option<std::net::SocketAddr>| addr.map_or(0, |addr| addr.port());
    let pin = server.fingerprint.map(|pin| pin.to_string()).unwrap_or_default();
    let (plain, tls) = (port(server.addr), port(server.tls_addr));
    format!(r#""{name}":{{"plain":{plain},"tls":{tls},"sha256":"{pin}"}}"#)
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the line is what the caller waits for")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let kinds = [
        ("v6_legacy", Personality::V6Legacy),
        ("v6", Personality::V6),
        ("v7", Personality::V7),
        ("v7_empty", Personality::V7Empty),
    ];
    let mut servers = Vec::new();
    for (name, personality) in kinds {
        servers.push((name, start(personality).await?));
    }
    let fields: Vec<String> = servers
        .iter()
        .map(|(name, server)| describe(name, server))
        .collect();
    println!("{{{}}}", fields.join(","));

    let mut rest = Vec::new();
    tokio::io::stdin().read_to_end(&mut rest).await?;
    for (_, server) in servers {
        server.stop().await;
    }
    Ok(())
}
