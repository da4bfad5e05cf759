//! Another time than the machine's for processes of a test: libfaketime, which Debian has, tells them.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test without its clock must stop, saying why"
)]

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command, sync::Arc};

use chrono::TimeDelta;
use tempfile::TempDir;

/// The dynamic linker knows the folder of its architecture.
const LIBRARY: &str = "/usr/$LIB/faketime/libfaketime.so.1";

/// The words before a command that make its whole time differ from the machine's, by such as `+90s` or `-3h`.
///
/// Not Debian's `faketime`: it names a semaphore by its process and leaves it behind when it is killed, so that a later
/// process of that number does not start.
pub fn off_by(time: &str) -> [String; 3] {
    [
        "env".to_owned(),
        format!("LD_PRELOAD={LIBRARY}"),
        format!("FAKETIME={time}"),
    ]
}

/// A clock that goes like the machine's and is ahead of it. Every process that was given it follows when it is set.
#[derive(Debug, Clone)]
pub struct OwnClock(Arc<TempDir>);

impl OwnClock {
    /// The machine's time.
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        // PostgreSQL runs under an account of its own.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        let clock = Self(Arc::new(folder));
        clock.set(TimeDelta::zero());
        clock
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("ahead")
    }

    /// Puts it so far ahead of the machine's.
    pub fn set(&self, ahead: TimeDelta) {
        // Replaced as a whole: whoever reads it reads one time or the other.
        let next = self.0.path().join("next");
        fs::write(&next, format!("{:+}\n", ahead.num_seconds())).expect("written");
        fs::rename(next, self.file()).expect("replaced");
    }

    /// What is started by this command lives by this clock. Waits and timeouts are left to the machine.
    pub fn give(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", LIBRARY)
            .env("FAKETIME_TIMESTAMP_FILE", self.file())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1");
    }
}

impl Default for OwnClock {
    fn default() -> Self {
        Self::new()
    }
}
