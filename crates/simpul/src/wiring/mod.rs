//! Puts the parts together: which implementation stands behind each port.

mod bills;
mod deliveries;
mod letters;
mod messages;
mod notices;
mod outcomes;
mod routers;
mod sweeps;
mod timers;

use std::sync::Arc;

use anyhow::Context as _;
use simpul_adapters::{
    bus::consumer::Replays,
    dns::Dns,
    egress::{Egress, Hosts, HttpLimits, Policy},
    mail::{Folder, Post, Smtp},
    provisioning::Provisioning,
    work_loop::Wake,
};
use simpul_api::{auth::Keys, identity::Identity, repairs::Repairs};
use simpul_app::identity::{Hasher, Peppers};
use simpul_domain::time::Clock;
use simpul_event_store::{Bus, Db, EventStore, Upcasters, Vault};
use simpul_routeros::tls::Roots;

pub(crate) use self::{
    bills::Bills, deliveries::Deliveries, letters::Letters, messages::Messages, notices::Notices,
    routers::Routers, sweeps::Sweeps, timers::Timers,
};
use crate::{
    config::{Config, EgressMode},
    key_folder,
    runtime::{RandomIds, SystemClock},
};

/// `iss` of access tokens.
pub(crate) const ISSUER: &str = "simpul";

/// The event store of this configuration.
pub(crate) fn store(config: &Config) -> anyhow::Result<EventStore> {
    store_at(config, SystemClock)
}

/// Likewise, by this clock.
pub(crate) fn store_at(config: &Config, clock: impl Clock + 'static) -> anyhow::Result<EventStore> {
    let db = Db::connect(&config.db()?).context("cannot use the database URLs")?;
    let vault = Vault::new(config.master_key()?);
    Ok(EventStore::new(
        db,
        Arc::new(clock),
        Arc::new(RandomIds),
        Upcasters::default(),
        vault,
    ))
}

/// Retries of what has no worker of its own. `provisioning` wakes the lanes' worker of this process.
pub(crate) fn repairs(bus: Bus, provisioning: Wake) -> Repairs {
    let store = bus.store().clone();
    let consumer = Provisioning::new(store.clone(), provisioning);
    Repairs::new(bus, Replays::new(store).with(Arc::new(consumer)))
}

/// The keys of access tokens.
pub(crate) fn keys(config: &Config) -> anyhow::Result<Keys> {
    match &config.tokens.signing_keys_folder {
        Some(folder) => key_folder::read(folder),
        None => Keys::from_pem(&config.signing_key_pem()?, ISSUER).context("cannot use the signing key"),
    }
}

/// What lets people in. Takes as long as one password.
pub(crate) fn identity(config: &Config) -> anyhow::Result<Identity> {
    let peppers = match &config.identity.peppers_folder {
        Some(folder) => key_folder::read_peppers(folder)?,
        None => Peppers::default(),
    };
    let hasher = Hasher::start(config.password_algorithm()?, peppers);
    Ok(Identity {
        hasher: hasher.context("passwords cannot be hashed")?,
        settings: config.identity_settings()?,
    })
}

/// Where letters to users go.
pub(crate) fn post(config: &Config, egress: &Egress) -> anyhow::Result<Post> {
    if let Some(settings) = config.smtp()? {
        let smtp = Smtp::new(settings, egress.clone()).context("cannot use the mail server")?;
        return Ok(Post::Smtp(Box::new(smtp)));
    }
    Ok(match &config.mail.folder {
        Some(folder) => Post::Folder(Folder::new(folder)),
        None => Post::Nowhere,
    })
}

/// Who may vouch for routers' certificates: the machine's authorities, and the operator's own.
pub(crate) fn roots(config: &Config) -> anyhow::Result<Roots> {
    let roots = Roots::system();
    let Some(path) = &config.egress.router_ca_file else {
        return Ok(roots);
    };
    let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    roots
        .with_pem(&pem)
        .with_context(|| format!("cannot use egress.router_ca_file {}", path.display()))
}

/// The guard of outbound sockets.
pub(crate) fn egress(config: &Config) -> anyhow::Result<Egress> {
    let policy = match config.egress.mode {
        EgressMode::Production => Policy::production(),
        EgressMode::Development => Policy::development(),
    };
    Ok(Egress::with(
        policy,
        Hosts::Dns(Box::new(dns(config)?)),
        HttpLimits::default(),
    )?)
}

/// What asks the DNS, for addresses and for the proofs of domains.
pub(crate) fn dns(config: &Config) -> anyhow::Result<Dns> {
    let servers = &config.egress.name_servers;
    let dns = if servers.is_empty() {
        Dns::system()
    } else {
        Dns::at(servers)
    };
    dns.context("the DNS cannot be asked")
}
