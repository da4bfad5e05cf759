//! The programs of a PostgreSQL server: where they are and how old they are.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::EmbeddedError;

/// Oldest major version that the migrations are written for.
pub(super) const OLDEST: u32 = 15;
/// Where Debian's packages keep one folder for each version: they are not in `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder that holds `initdb`, `pg_ctl` and `postgres` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    folder: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    /// `given`: this folder and no other. `major`: this version and no other.
    pub(super) async fn find(
        given: Option<&Path>,
        major: Option<u32>,
    ) -> Result<Option<Self>, EmbeddedError> {
        if let Some(folder) = given {
            let found = Self::inspect(folder).await.ok_or(EmbeddedError::NotAServer {
                folder: folder.to_owned(),
            })?;
            return Ok(Some(found).filter(|found| major.is_none_or(|major| major == found.major)));
        }
        for folder in usual_folders() {
            if let Some(found) = Self::inspect(&folder).await
                && major.is_none_or(|major| major == found.major)
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    async fn inspect(folder: &Path) -> Option<Self> {
        let has = |name: &str| folder.join(name).is_file();
        if !(has("initdb") && has("pg_ctl") && has("postgres")) {
            return None;
        }
        let said = Command::new(folder.join("pg_ctl"))
            .arg("--version")
            .output()
            .await
            .ok()?;
        let major = major(&String::from_utf8_lossy(&said.stdout))?;
        (major >= OLDEST).then(|| Self {
            folder: folder.to_owned(),
            major,
        })
    }
}

/// `PATH` first, because whoever set it had a reason; then what packages install, the newest first.
pub(crate) fn usual_folders() -> Vec<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a search in PATH, as a shell does it")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect();
    let mut versions: Vec<u32> = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    folders.extend(
        versions
            .iter()
            .map(|version| Path::new(DEBIAN).join(version.to_string()).join("bin")),
    );
    folders
}

/// What was searched, for a person.
pub(super) fn searched() -> String {
    format!("PATH and {DEBIAN}/*/bin")
}

/// `pg_ctl (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`, `17beta1`, `16devel`.
fn major(version: &str) -> Option<u32> {
    let number = version.split_once(')')?.1.trim_start();
    let digits = number
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(number.len());
    number[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_distributions_write_them() {
        for (said, expected) in [
            ("pg_ctl (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", Some(15)),
            ("pg_ctl (PostgreSQL) 17beta1", Some(17)),
            ("pg_ctl (PostgreSQL) 16", Some(16)),
            ("something else", None),
        ] {
            assert_eq!(major(said), expected, "{said}");
        }
    }

    #[tokio::test]
    async fn a_folder_without_a_server_is_refused_when_it_was_named() {
        let folder = Path::new("/nonexistent");
        let error = Binaries::find(Some(folder), None)
            .await
            .expect_err("nothing is there");
        assert!(matches!(error, EmbeddedError::NotAServer { .. }), "{error}");
    }
}
