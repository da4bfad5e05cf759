//! A PostgreSQL of our own, for a machine where nobody gives one: found, made, started, and stopped at the end.
//!
//! INVARIANT: it listens on a unix socket only, in a folder that belongs to its account alone, and the kernel says
//! who connects (`peer`). One process uses a cluster at a time (a lock that dies with it), so a cluster that was left
//! running by `kill -9` can be taken over. Not for production: nobody backs it up.

mod account;
mod binaries;
mod cluster;

use std::path::PathBuf;

use simpul_event_store::StoreError;

pub(crate) use self::binaries::usual_folders;
pub use self::cluster::{Cluster, provide};
use crate::config::Config;

/// Why there is no server of our own.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error(
        "no PostgreSQL server of version {} or newer in {searched}: install postgresql-15, name the folder of its \
         programs in PG_BIN, or give database.url (DATABASE_URL)",
        binaries::OLDEST
    )]
    NoServer { searched: String },
    #[error(
        "PG_BIN names {folder}, which holds no PostgreSQL server of version {} or newer",
        binaries::OLDEST
    )]
    NotAServer { folder: PathBuf },
    #[error(
        "the cluster in {data} was made by PostgreSQL {version}, which is not installed: install it, or remove the \
         folder and lose its data"
    )]
    OtherVersion { data: PathBuf, version: u32 },
    #[error(
        "PostgreSQL does not run as root and there is no user postgres to run it: install postgresql-15, be another \
         user, or give database.url (DATABASE_URL)"
    )]
    NoAccount,
    #[error("{path} cannot be used")]
    Path { path: PathBuf, source: std::io::Error },
    #[error("{path} belongs to somebody else")]
    Foreign { path: PathBuf },
    #[error("another simpul uses the cluster in {folder}")]
    InUse { folder: PathBuf },
    #[error("{program} does not start")]
    Start {
        program: PathBuf,
        source: std::io::Error,
    },
    #[error("{program} failed: {said}")]
    Failed { program: &'static str, said: String },
    #[error("the cluster in {data} does not answer; its log is {log}")]
    Silent {
        data: PathBuf,
        log: PathBuf,
        source: StoreError,
    },
    #[error("the cluster cannot be prepared")]
    Store(#[from] StoreError),
}

impl EmbeddedError {
    fn path(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Path { path, source }
    }
}

/// What `simpul doctor` says about it. A cluster that runs takes the place of the missing URLs.
pub(crate) async fn examine(config: &mut Config) -> Result<String, EmbeddedError> {
    if config.database.is_given() {
        return Ok("not needed: a database is given".to_owned());
    }
    let cluster = Cluster::find(config).await?;
    let found = cluster.to_string();
    let state = if !cluster.exists() {
        "simpul dev will make a cluster"
    } else if cluster.is_running().await? {
        cluster.fill(config);
        "a cluster runs"
    } else {
        "a cluster rests"
    };
    Ok(format!("{found}; {state}"))
}
