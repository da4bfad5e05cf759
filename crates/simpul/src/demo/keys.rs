//! Keys of a development machine, made once and kept.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use aws_lc_rs::rand;
use secrecy::{ExposeSecret as _, SecretString};
use simpul_api::auth::generate_pem;

use crate::config::Config;

/// Fills in the keys that the configuration does not name.
pub fn provide(config: &mut Config) -> anyhow::Result<()> {
    let folder = config.dev.folder.join("keys");
    if config.vault.master_key.is_none() && config.vault.master_key_file.is_none() {
        config.vault.master_key_file = Some(keep(&folder, "master.hex", master_key)?);
    }
    if config.mail.host.is_none() && config.mail.folder.is_none() {
        config.mail.folder = Some(config.dev.folder.join("letters"));
    }
    if config.tokens.signing_key_file.is_none() && config.tokens.signing_keys_folder.is_none() {
        config.tokens.signing_key_file = Some(keep(&folder, "signing.pem", signing_key)?);
    }
    Ok(())
}

fn keep(folder: &Path, name: &str, make: fn() -> anyhow::Result<String>) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    if !path.exists() {
        fs::create_dir_all(folder)?;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        file.write_all(make()?.as_bytes())?;
    }
    Ok(path)
}

fn master_key() -> anyhow::Result<String> {
    let mut key = [0_u8; 32];
    rand::fill(&mut key).context("no randomness")?;
    Ok(hex::encode(key))
}

/// A new signing key for access tokens.
pub fn signing_key_pem() -> anyhow::Result<SecretString> {
    Ok(generate_pem()?)
}

fn signing_key() -> anyhow::Result<String> {
    Ok(signing_key_pem()?.expose_secret().to_owned())
}
