//! What an operator has around the server, on this machine: a router, a gateway and a messenger.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use simpul_adapters::{
    egress::{Egress, Policy},
    standin::{
        fonnte::{self, FonnteStandIn},
        tripay::{self, TripayStandIn},
    },
};
use simpul_routeros::sim::{Personality, RouterConfig, Server, ServerConfig, ServerHandle};
use url::Url;

use super::seed::Operator;
use crate::{
    config::{Config, EgressMode},
    runtime::SystemClock,
};

/// User and password of the simulated router.
pub const ROUTER_LOGIN: (&str, &str) = ("api", "rahasia");
/// PPP profile of the demo's plan.
pub const PLAN_PROFILE: &str = "paket-10m";
const ISOLIR_PROFILE: &str = "isolir";

/// Everything outside, running.
#[derive(Debug)]
pub struct Surroundings {
    pub router: ServerHandle,
    pub tripay: TripayStandIn,
    pub fonnte: FonnteStandIn,
    pub tripay_keys: tripay::Settings,
    pub fonnte_keys: fonnte::Settings,
}

impl Surroundings {
    /// Starts them and points the configuration at them.
    pub async fn start(config: &mut Config) -> anyhow::Result<Self> {
        let egress = Egress::new(Policy::development())?;
        let tripay_keys = tripay::Settings::demo();
        let fonnte_keys = fonnte::Settings::demo()?;
        let tripay = TripayStandIn::start(tripay_keys.clone(), Arc::new(SystemClock), &egress).await?;
        let fonnte = FonnteStandIn::start(fonnte_keys.clone(), &egress).await?;
        config.messages.gap_ms = 0;
        config.egress.mode = EgressMode::Development;
        config.endpoints.tripay = Some(tripay.client_config()?.base_url);
        config.endpoints.fonnte = Some(fonnte.url()?);
        Ok(Self {
            router: router("demo-router").await?,
            tripay,
            fonnte,
            tripay_keys,
            fonnte_keys,
        })
    }
}

impl Surroundings {
    /// Tells the messenger where the operator's delivery reports go.
    pub fn reports_to(&self, public_url: &Url, operator: &Operator) -> anyhow::Result<()> {
        self.fonnte.set_webhook(public_url.join(&operator.reports)?);
        Ok(())
    }
}

/// A router as an operator would have prepared it: the plan's profile, and the walled garden.
pub(super) async fn router(identity: &str) -> anyhow::Result<ServerHandle> {
    let mut settings = RouterConfig::new(Personality::V7Empty);
    identity.clone_into(&mut settings.identity);
    settings.serial_number = format!("SIM-{identity}");
    settings.redial_after = Duration::from_millis(300);
    settings.dial_automatically = true;
    let handle = Server::start(ServerConfig::loopback(settings))
        .await
        .context("cannot start the router simulator")?;
    let router = &handle.router;
    router.add(
        "/ip/pool",
        &[("name", "pool-paket"), ("ranges", "10.10.0.2-10.10.255.254")],
    )?;
    router.add(
        "/ip/pool",
        &[
            ("name", "pool-isolir"),
            ("ranges", "192.168.200.2-192.168.200.254"),
        ],
    )?;
    router.add(
        "/ppp/profile",
        &[
            ("name", PLAN_PROFILE),
            ("local-address", "10.10.0.1"),
            ("remote-address", "pool-paket"),
            ("rate-limit", "5M/10M"),
        ],
    )?;
    router.add(
        "/ppp/profile",
        &[
            ("name", ISOLIR_PROFILE),
            ("local-address", "192.168.200.1"),
            ("remote-address", "pool-isolir"),
            ("rate-limit", "64k/64k"),
            ("address-list", "isolir"),
        ],
    )?;
    Ok(handle)
}
