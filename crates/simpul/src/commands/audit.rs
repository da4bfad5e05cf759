//! `simpul audit verify|export|check|anchor`: recomputes the hash chain and compares it with what was written down outside,
//! and takes a log out as a file that can be checked anywhere.

use std::{
    fs::File,
    io::{BufReader, BufWriter},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;

use simpul_domain::TenantId;
use simpul_event_store::{
    EventStore,
    audit::{self, CheckError, Span},
};

use super::{FOUND, say};
use crate::{cli::Audit, config::Config, wiring};

pub(crate) async fn run(config: &Config, command: Audit) -> anyhow::Result<ExitCode> {
    if let Audit::Check { file } = command {
        return check(&file);
    }
    let store = wiring::store(config)?;
    let configured = |given: Option<PathBuf>| given.or_else(|| config.audit.anchor_file.clone());
    match command {
        Audit::Verify { tenant, anchors } => verify_all(&store, tenant, configured(anchors)).await,
        Audit::Export {
            tenant,
            from,
            to,
            file,
        } => export(&store, tenant, Span { from, until: to }, file.as_deref()).await,
        Audit::Check { file } => check(&file),
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

async fn export(
    store: &EventStore,
    tenant: TenantId,
    span: Span,
    file: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let exported = match file {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            let exported = audit::export(store, tenant, span, &mut BufWriter::new(&file)).await?;
            file.sync_all()?;
            exported
        }
        None => audit::export(store, tenant, span, &mut BufWriter::new(std::io::stdout())).await?,
    };
    tracing::info!(%tenant, events = exported.events, last_seq = exported.last_seq, "exported");
    Ok(ExitCode::SUCCESS)
}

fn check(path: &Path) -> anyhow::Result<ExitCode> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    match audit::check(BufReader::new(file)) {
        Ok(sound) => {
            say(format_args!(
                "{}: sound up to event {}, head {}",
                sound.tenant,
                sound.seq,
                hex::encode(sound.head)
            ));
            Ok(ExitCode::SUCCESS)
        }
        Err(CheckError::File(error)) => Err(error).context("cannot read the export"),
        Err(found) => {
            say(&found);
            Ok(ExitCode::from(FOUND))
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
