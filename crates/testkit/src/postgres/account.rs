//! The programs of PostgreSQL, and who runs them.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::unistd::{User, geteuid};

/// Where Debian's packages keep one folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Who runs the server: PostgreSQL refuses to be root.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    pub(super) uid: u32,
    /// Set when root hands over.
    gid: Option<u32>,
}

impl Account {
    pub(super) fn choose() -> Self {
        let me = geteuid();
        if !me.is_root() {
            return Self {
                uid: me.as_raw(),
                gid: None,
            };
        }
        let user = User::from_name("postgres")
            .ok()
            .flatten()
            .expect("the account of Debian's package");
        Self {
            uid: user.uid.as_raw(),
            gid: Some(user.gid.as_raw()),
        }
    }

    pub(super) fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .current_dir("/")
            .stdin(Stdio::null());
        if let Some(gid) = self.gid {
            command.uid(self.uid).gid(gid);
        }
        command
    }

    pub(super) fn prefix(self) -> String {
        self.gid.map_or_else(String::new, |gid| {
            format!("setpriv --reuid={} --regid={gid} --clear-groups", self.uid)
        })
    }

    pub(super) fn own(self, path: &Path) {
        if let Some(gid) = self.gid {
            chown(path, Some(self.uid), Some(gid)).expect("given away");
        }
    }
}

/// A program of the newest server.
pub(super) fn program(name: &str) -> PathBuf {
    let mut versions: Vec<u32> = fs::read_dir(DEBIAN)
        .expect("PostgreSQL is installed: run `./dev up`")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable();
    let newest = versions.last().expect("a version").to_string();
    Path::new(DEBIAN).join(newest).join("bin").join(name)
}

pub(super) fn run(mut command: Command, name: &str) {
    let output = command.output().expect("it is installed: run `./dev up`");
    assert!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
