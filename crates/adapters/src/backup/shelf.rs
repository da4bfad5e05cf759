//! Where backups are kept: flat names, whole files.

use std::io::{self, Read, Write};

/// A file being written. Dropped before [`Draft::finish`], it was never there.
pub trait Draft: Write + Send {
    /// Makes it appear under its name, complete and on disk.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A place for backups. Names have letters, digits, points and hyphens.
pub trait Shelf: std::fmt::Debug + Send + Sync {
    /// Begins a file. One of this name must not exist.
    fn begin(&self, name: &str) -> io::Result<Box<dyn Draft>>;
    /// From its first byte on.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>>;
    /// Names of all whole files, in order.
    fn names(&self) -> io::Result<Vec<String>>;
    /// Removes files that were begun and never finished, and whose names come before `name`.
    fn sweep(&self, name: &str) -> io::Result<()>;
    /// What is not there is removed already.
    fn remove(&self, name: &str) -> io::Result<()>;
}
