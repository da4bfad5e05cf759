//! `simpul audit verify|anchor`: recomputes the hash chain and compares it with what was written down outside.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;

use simpul_domain::TenantId;
use simpul_event_store::{EventStore, audit};

use super::{FOUND, say};
use crate::{cli::Audit, config::Config, wiring};

pub(crate) async fn run(config: &Config, command: Audit) -> anyhow::Result<ExitCode> {
    let store = wiring::store(config)?;
    let configured = |given: Option<PathBuf>| given.or_else(|| config.audit.anchor_file.clone());
    match command {
        Audit::Verify { tenant, anchors } => verify_all(&store, tenant, configured(anchors)).await,
        Audit::Anchor { file } => {
            let file = configured(file).context("where to? Give --file or set audit.anchor_file")?;
            let anchored = audit::anchor(&store, &file).await?;
            say(format_args!(
                "logs anchored: {}, line {}",
                anchored.tenants, anchored.line_hash
            ));
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn verify_all(
    store: &EventStore,
    tenant: Option<TenantId>,
    anchors: Option<PathBuf>,
) -> anyhow::Result<ExitCode> {
    let tenants = match tenant {
        Some(tenant) => vec![tenant],
        None => store.tenants().await?,
    };
    let mut sound = true;
    for tenant in tenants {
        sound &= verify(store, tenant).await?;
    }
    if let Some(file) = anchors {
        sound &= compare(store, tenant, &file).await?;
    } else {
        tracing::warn!("not compared with anchors: give --anchors or set audit.anchor_file");
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND)
    })
}

/// A file without anchors is a finding: where there should be some, somebody has taken them away.
async fn compare(store: &EventStore, tenant: Option<TenantId>, file: &Path) -> anyhow::Result<bool> {
    let Some(last) = audit::last_anchor(file).await? else {
        say(format_args!(
            "{} holds no anchor: nothing was anchored yet, or it was taken away",
            file.display()
        ));
        return Ok(false);
    };
    let mut found = audit::verify_anchors(store, file).await?;
    found.retain(|contradiction| tenant.is_none_or(|tenant| contradiction.tenant == tenant));
    for contradiction in &found {
        say(contradiction);
    }
    if found.is_empty() {
        say(format_args!("as anchored, last at {last}"));
    }
    Ok(found.is_empty())
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
