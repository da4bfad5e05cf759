//! `simpul router-sim`: a router that speaks the real protocol, until it is interrupted.

use std::{net::SocketAddr, process::ExitCode};

use simpul_routeros::sim::{Group, Personality, RouterConfig, Server, ServerConfig, User};

use super::say;
use crate::cli::RouterOs;

pub(crate) async fn run(
    port: u16,
    tls_port: u16,
    control_port: Option<u16>,
    version: RouterOs,
    password: String,
) -> anyhow::Result<ExitCode> {
    let personality = match version {
        RouterOs::V6Legacy => Personality::V6Legacy,
        RouterOs::V6 => Personality::V6,
        RouterOs::V7 => Personality::V7Empty,
    };
    let mut router = RouterConfig::new(personality);
    router.users = vec![User {
        name: "api".to_owned(),
        password,
        group: Group::Full,
    }];
    router.dial_automatically = true;
    let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let mut config = ServerConfig::loopback(router);
    config.plain = Some(loopback(port));
    config.tls = Some(loopback(tls_port));
    config.control = control_port.map(loopback);
    let server = Server::start(config).await?;
    say(serde_json::json!({
        "api": server.addr,
        "api_ssl": server.tls_addr,
        "certificate_sha256": server.fingerprint.as_ref().map(ToString::to_string),
        "control": server.control_addr,
        "user": "api",
        "version": personality.version(),
    }));
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}
