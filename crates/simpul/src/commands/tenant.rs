//! `simpul tenant export|import`: one tenant as an encrypted file (ADR 67).

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use simpul_adapters::backup;
use simpul_domain::TenantId;
use simpul_event_store::{EventStore, feed::RunnerSettings, moving};
use simpul_projections::registry;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use super::say;
use crate::{cli::Tenant, config::Config, roles, wiring};

/// Lines on their way between the database and the file.
const QUEUE: usize = 64;

pub(crate) async fn run(config: &Config, command: Tenant) -> anyhow::Result<ExitCode> {
    let store = wiring::store(config)?;
    let done = match command {
        Tenant::Export { tenant, file } => export(config, &store, tenant, &file).await,
        Tenant::Import { file } => import(config, &store, file).await,
    };
    store.db().close().await;
    done?;
    Ok(ExitCode::SUCCESS)
}

/// A file that is not whole never has its name.
async fn export(config: &Config, store: &EventStore, tenant: TenantId, file: &Path) -> anyhow::Result<()> {
    ensure!(!file.exists(), "{} is there already", file.display());
    let recipients = config.backup_recipients()?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let draft = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let mut out = draft.reopen()?;
    let (lines, sealed) = mpsc::channel(QUEUE);
    let sealing = tokio::task::spawn_blocking(move || {
        let made = backup::seal_lines(sealed, &recipients, &mut out)?;
        out.sync_all()?;
        Ok::<_, backup::BackupError>(made)
    });
    let exported = moving::export(store, tenant, async |line| {
        let sent = lines.send(line).await;
        sent.map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    });
    let exported = exported.await;
    drop(lines);
    // A full disk is the cause of a pipe that is broken.
    let made = sealing.await??;
    let moved = exported?;
    draft
        .persist_noclobber(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    print("exported", &moved);
    say(format_args!("{} bytes, sha256 {}", made.size_bytes, made.sha256));
    Ok(())
}

async fn import(config: &Config, store: &EventStore, file: PathBuf) -> anyhow::Result<()> {
    let identity = config.backup_identity()?;
    let sealed = File::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let (lines, mut opened) = mpsc::channel(QUEUE);
    let opening = tokio::task::spawn_blocking(move || backup::open_lines(sealed, &identity, &lines));
    let imported = moving::import(store, &roles::readers(), async || Ok(opened.recv().await)).await;
    drop(opened);
    // A file that cannot be decrypted is the cause of lines that end early.
    opening.await??;
    let moved = imported?;
    print("imported", &moved);
    for name in registry::NAMES {
        if let Err(error) = registry::catch_up(store, name, RunnerSettings::default()).await {
            say(format_args!("{name}: left to the servers that run ({error})"));
        }
    }
    Ok(())
}

fn print(what: &str, moved: &moving::Moved) {
    say(format_args!(
        "{what} {}: {} events, {} rows, head {}",
        moved.tenant, moved.seq, moved.rows, moved.head
    ));
}
