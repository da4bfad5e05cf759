//! `simpul keys`: the keys that sign access tokens, and those that passwords are mixed with.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;
use simpul_domain::time::Clock as _;

use super::say;
use crate::{cli::Keys, config::Config, key_folder, runtime::SystemClock};

pub(crate) fn run(config: &Config, command: Keys) -> anyhow::Result<ExitCode> {
    if let Keys::Pepper = command {
        let folder = config.identity.peppers_folder.as_ref();
        let folder = folder.context("identity.peppers_folder is not set")?;
        say(key_folder::make_pepper(folder, SystemClock.now())?.display());
        return Ok(ExitCode::SUCCESS);
    }
    let folder = config.tokens.signing_keys_folder.as_ref();
    let folder = folder.context("tokens.signing_keys_folder is not set: one key alone cannot be rotated")?;
    let now = SystemClock.now();
    match command {
        Keys::Pepper => {}
        Keys::Rotate => say(key_folder::rotate(folder, now)?.display()),
        Keys::List => {
            for key in key_folder::read(folder)?.list(now) {
                let made_at = key.made_at.map(|at| at.to_rfc3339());
                say(
                    json!({ "kid": key.id, "madeAt": made_at, "signs": key.signs, "believed": key.believed }),
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
