//! Puts the parts together: which implementation stands behind each port.

mod deliveries;
mod messages;
mod notices;
mod outcomes;
mod routers;
mod timers;

use std::sync::Arc;

use anyhow::Context as _;
use simpul_adapters::egress::{Egress, Policy};
use simpul_api::auth::Keys;
use simpul_event_store::{Db, EventStore, Upcasters, Vault};

pub(crate) use self::{
    deliveries::Deliveries,
    messages::{Messages, Senders},
    notices::Notices,
    routers::Routers,
    timers::Timers,
};
use crate::{
    config::{Config, EgressMode},
    runtime::{RandomIds, SystemClock},
};

/// `iss` and `aud` of access tokens of the staff API.
const ISSUER: &str = "simpul";
const AUDIENCE: &str = "simpul-staff";

/// The event store of this configuration.
pub(crate) fn store(config: &Config) -> anyhow::Result<EventStore> {
    let db = Db::connect(&config.db()?).context("cannot use the database URLs")?;
    let vault = Vault::new(config.master_key()?);
    Ok(EventStore::new(
        db,
        Arc::new(SystemClock),
        Arc::new(RandomIds),
        Upcasters::default(),
        vault,
    ))
}

/// The keys of access tokens.
pub(crate) fn keys(config: &Config) -> anyhow::Result<Keys> {
    Keys::from_pem(&config.signing_key_pem()?, ISSUER, AUDIENCE).context("cannot use the signing key")
}

/// The guard of outbound sockets.
pub(crate) fn egress(config: &Config) -> anyhow::Result<Egress> {
    let policy = match config.egress.mode {
        EgressMode::Production => Policy::production(),
        EgressMode::Development => Policy::development(),
    };
    Ok(Egress::new(policy)?)
}
