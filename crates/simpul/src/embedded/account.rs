//! Who runs the server: PostgreSQL refuses to be root, so root hands it to the account of Debian's package.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown},
    path::Path,
};

use nix::unistd::{User, geteuid};
use tokio::process::Command;

use super::EmbeddedError;

const SERVER_USER: &str = "postgres";

/// The account.
#[derive(Debug, Clone)]
pub(super) struct Account {
    name: String,
    uid: u32,
    /// Set when root hands over.
    hand_over: Option<u32>,
}

impl Account {
    pub(super) fn choose() -> Result<Self, EmbeddedError> {
        let me = geteuid();
        let user = if me.is_root() {
            User::from_name(SERVER_USER)
        } else {
            User::from_uid(me)
        };
        let user = user.ok().flatten().ok_or(EmbeddedError::NoAccount)?;
        Ok(Self {
            name: user.name,
            uid: user.uid.as_raw(),
            hand_over: me.is_root().then_some(user.gid.as_raw()),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn is_handed_over(&self) -> bool {
        self.hand_over.is_some()
    }

    /// A program as this account, from a folder that it can enter, in an environment that says nothing.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .current_dir("/")
            .stdin(std::process::Stdio::null());
        if let Some(gid) = self.hand_over {
            command.uid(self.uid).gid(gid);
        }
        command
    }

    /// A folder for this account alone.
    pub(super) fn folder(&self, path: &Path) -> Result<(), EmbeddedError> {
        if !path.is_dir() {
            DirBuilder::new()
                .mode(0o700)
                .create(path)
                .map_err(EmbeddedError::path(path))?;
            self.own(path)?;
        }
        let found = fs::symlink_metadata(path).map_err(EmbeddedError::path(path))?;
        if found.is_dir() && found.uid() == self.uid {
            Ok(())
        } else {
            Err(EmbeddedError::Foreign {
                path: path.to_owned(),
            })
        }
    }

    /// A file that this account can read.
    pub(super) fn write(&self, path: &Path, text: &str) -> Result<(), EmbeddedError> {
        fs::write(path, text).map_err(EmbeddedError::path(path))?;
        self.own(path)
    }

    /// Whether it can enter a folder, wherever the folder is.
    pub(super) async fn enters(&self, path: &Path) -> bool {
        let mut command = self.command("test");
        command.arg("-x").arg(path);
        command.status().await.is_ok_and(|status| status.success())
    }

    fn own(&self, path: &Path) -> Result<(), EmbeddedError> {
        match self.hand_over {
            Some(gid) => chown(path, Some(self.uid), Some(gid)).map_err(EmbeddedError::path(path)),
            None => Ok(()),
        }
    }
}
