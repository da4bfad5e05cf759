//! From the configuration to a place for backups, and to the programs that make them.

use std::{path::PathBuf, sync::Arc};

use simpul_adapters::{
    backup::{Bucket, BucketSettings, Folder, Programs, Shelf},
    egress::{Egress, Hosts, Policy},
};
use tokio::runtime::Handle;
use url::Url;

use super::BackupsError;
use crate::{
    config::{Config, ConfigError, EgressMode},
    embedded,
};

const URL: &str = "backup.url";

fn invalid(problem: impl std::fmt::Display) -> BackupsError {
    BackupsError::Config(ConfigError::Invalid {
        key: URL,
        problem: problem.to_string(),
    })
}

pub(super) fn of(config: &Config) -> Result<Arc<dyn Shelf>, BackupsError> {
    let url = config.backup.url.as_ref().ok_or(ConfigError::Missing {
        key: URL,
        variable: "SIMPUL_BACKUP__URL",
    })?;
    match url.scheme() {
        "file" => {
            let folder = url.to_file_path().map_err(|()| invalid("it names no folder"))?;
            Ok(Arc::new(Folder::new(folder)))
        }
        "s3" => Ok(Arc::new(bucket(config, url)?)),
        other => Err(invalid(format!("{other} is neither file nor s3"))),
    }
}

fn bucket(config: &Config, url: &Url) -> Result<Bucket, BackupsError> {
    let s3 = &config.backup.s3;
    let policy = match config.egress.mode {
        EgressMode::Production => Policy::production(),
        EgressMode::Development => Policy::development(),
    };
    let egress = Egress::with(policy, Hosts::default(), Bucket::limits()).map_err(invalid)?;
    let prefix = url.path().trim_matches('/');
    let settings = BucketSettings {
        endpoint: s3.endpoint.clone().ok_or(ConfigError::Missing {
            key: "backup.s3.endpoint",
            variable: "SIMPUL_BACKUP__S3__ENDPOINT",
        })?,
        region: s3.region.clone(),
        bucket: url
            .host_str()
            .ok_or_else(|| invalid("it names no bucket"))?
            .to_owned(),
        prefix: if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        },
        path_style: s3.path_style,
        access_key: s3.access_key.clone(),
        secret_key: s3.secret_key.clone(),
    };
    Ok(Bucket::new(settings, egress, Handle::current())?)
}

pub(super) fn programs(config: &Config) -> Result<Programs, BackupsError> {
    let given = config.backup.pg_bin.clone().or_else(|| config.dev.pg_bin.clone());
    let folders: Vec<PathBuf> = given.map_or_else(embedded::usual_folders, |folder| vec![folder]);
    folders
        .into_iter()
        .find(|folder| folder.join("pg_dump").is_file() && folder.join("pg_restore").is_file())
        .map(Programs::new)
        .ok_or(BackupsError::NoPrograms)
}
