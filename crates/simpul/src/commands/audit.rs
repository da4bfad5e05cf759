//! `simpul audit verify`: recomputes the hash chain.

use std::process::ExitCode;

use simpul_domain::TenantId;
use simpul_event_store::{EventStore, audit};

use super::{FOUND, say};
use crate::{cli::Audit, config::Config, wiring};

pub(crate) async fn run(config: &Config, command: Audit) -> anyhow::Result<ExitCode> {
    let store = wiring::store(config)?;
    let Audit::Verify { tenant } = command;
    let tenants = match tenant {
        Some(tenant) => vec![tenant],
        None => store.tenants().await?,
    };
    let mut sound = true;
    for tenant in tenants {
        sound &= verify(&store, tenant).await?;
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND)
    })
}

async fn verify(store: &EventStore, tenant: TenantId) -> anyhow::Result<bool> {
    let progress = |seq| tracing::info!(%tenant, seq, "verified so far");
    match audit::verify(store, tenant, progress).await? {
        Ok(verified) => {
            say(format_args!(
                "{tenant}: {} events, head {}",
                verified.seq,
                hex::encode(verified.head)
            ));
            Ok(true)
        }
        Err(broken) => {
            say(&broken);
            Ok(false)
        }
    }
}
