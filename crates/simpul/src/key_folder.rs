//! Keys as files. Signing keys: `<UTC instant>.pem`, such as `20261125T230000Z.pem`. The instant is when the key was made.
//!
//! A rotation adds a file. Every process finds it within a minute and shows the key; it signs five minutes later, and
//! the key before it is believed for another day (`auth::SETTLING`, `auth::OVERLAP`).

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use chrono::{DateTime, NaiveDateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use simpul_api::auth::{Keys, generate_pem};
use simpul_app::identity::pepper::{Pepper, Peppers};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::wiring::ISSUER;

const NAME: &str = "%Y%m%dT%H%M%SZ";
const LOOK: Duration = Duration::from_mins(1);

/// All keys of a folder.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Keys> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut keys = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let Some(instant) = name.strip_suffix(".pem") else {
            continue;
        };
        let made_at = NaiveDateTime::parse_from_str(instant, NAME)
            .with_context(|| format!("{} is not named by the instant of its key", path.display()))?;
        let pem = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        keys.push((Some(made_at.and_utc()), SecretString::from(pem)));
    }
    Keys::from_ring(keys, ISSUER).with_context(|| {
        format!(
            "{} has no usable keys: simpul keys rotate makes one",
            folder.display()
        )
    })
}

/// Every pepper of a folder, oldest first: files `<UTC instant>.pepper` with 64 hexadecimal digits.
pub(crate) fn read_peppers(folder: &Path) -> anyhow::Result<Peppers> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut peppers = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let Some(instant) = name.strip_suffix(".pepper") else {
            continue;
        };
        let made_at = NaiveDateTime::parse_from_str(instant, NAME)
            .with_context(|| format!("{} is not named by the instant of its pepper", path.display()))?;
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let pepper = Pepper::from_hex(instant, &SecretString::from(text));
        peppers.insert(
            made_at,
            pepper.with_context(|| format!("cannot use {}", path.display()))?,
        );
    }
    anyhow::ensure!(
        !peppers.is_empty(),
        "{} has no peppers: simpul keys pepper makes one",
        folder.display()
    );
    Ok(Peppers::new(peppers.into_values().collect()))
}

/// Makes another pepper. Returns its file.
pub(crate) fn make_pepper(folder: &Path, now: DateTime<Utc>) -> anyhow::Result<PathBuf> {
    let mut key = Zeroizing::new([0_u8; 32]);
    aws_lc_rs::rand::fill(key.as_mut_slice()).context("no randomness")?;
    let text = SecretString::from(hex::encode(key.as_slice()));
    keep(&folder.join(format!("{}.pepper", now.format(NAME))), &text)
}

/// Makes another key. Returns its file.
pub(crate) fn rotate(folder: &Path, now: DateTime<Utc>) -> anyhow::Result<PathBuf> {
    keep(
        &folder.join(format!("{}.pem", now.format(NAME))),
        &generate_pem()?,
    )
}

/// A new file for its owner's eyes only.
fn keep(path: &Path, text: &SecretString) -> anyhow::Result<PathBuf> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = path.with_extension("part");
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&part)?;
    file.write_all(text.expose_secret().as_bytes())?;
    file.sync_all()?;
    // Whoever looks reads whole keys only.
    fs::rename(&part, path)?;
    Ok(path.to_owned())
}

/// Keeps the keys as the folder has them, until `stop`.
pub(crate) async fn follow(folder: PathBuf, keys: Arc<Keys>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        match read(&folder) {
            Ok(read) => keys.replace(&read),
            Err(error) => tracing::error!(%error, "the signing keys cannot be read; those before go on"),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use simpul_api::auth::{OVERLAP, SETTLING};

    use super::*;

    #[test]
    fn a_rotated_key_is_shown_then_signs_and_the_one_before_is_believed_for_a_day() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(read(folder.path()).is_err(), "no keys");
        let start = DateTime::from_timestamp(1_800_000_000, 0).expect("an instant");
        rotate(folder.path(), start).expect("a key");
        let turned = start + TimeDelta::days(30);
        rotate(folder.path(), turned).expect("another key");
        let keys = read(folder.path()).expect("two keys");
        let signing = |now| keys.list(now).iter().position(|key| key.signs);
        let shown = |now| keys.jwks(now)["keys"].as_array().map(Vec::len);
        assert_eq!((signing(turned), shown(turned)), (Some(0), Some(2)));
        let settled = turned + SETTLING;
        assert_eq!((signing(settled), shown(settled)), (Some(1), Some(2)));
        let over = settled + OVERLAP;
        assert_eq!((signing(over), shown(over)), (Some(1), Some(1)));
        fs::write(folder.path().join("mine.pem"), "x").expect("written");
        assert!(read(folder.path()).is_err(), "a key without an instant");
    }

    #[test]
    fn peppers_are_read_oldest_first_and_whatever_is_none_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(read_peppers(folder.path()).is_err(), "none");
        let start = DateTime::from_timestamp(1_800_000_000, 0).expect("an instant");
        make_pepper(folder.path(), start).expect("a pepper");
        let newer = make_pepper(folder.path(), start + TimeDelta::days(1)).expect("another one");
        let read = format!("{:?}", read_peppers(folder.path()).expect("two"));
        assert!(
            read.ends_with("Pepper { id: \"20270116T080000Z\", .. }])"),
            "{read}"
        );
        fs::write(newer, "x").expect("written");
        assert!(read_peppers(folder.path()).is_err(), "no pepper");
    }
}
