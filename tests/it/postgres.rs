//! PostgreSQL's own programs, as independent witnesses.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

/// A program of the newest server that is installed.
pub(crate) fn program(name: &str) -> Command {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| {
            entries
                .filter_map(|entry| Some(entry.ok()?.path().join("bin").join(name)))
                .collect()
        })
        .unwrap_or_default();
    versions.retain(|path| path.is_file());
    versions.sort();
    Command::new(versions.pop().unwrap_or_else(|| PathBuf::from(name)))
}

/// What it says; a failure fails the test.
pub(crate) fn said(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program runs");
    assert!(
        status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).expect("text")
}

/// The schema without its migrations' own table, as text.
pub(crate) fn schema(url: &str) -> String {
    let dump = said(program("pg_dump").args([
        "--schema-only",
        "--exclude-table=public._sqlx_migrations",
        "--dbname",
        url,
    ]));
    // A key that newer versions draw for each dump.
    let lines = dump.lines().filter(|line| !line.contains("restrict "));
    lines.collect::<Vec<_>>().join("\n")
}

/// One value.
pub(crate) fn value(url: &str, sql: &str) -> String {
    let text = said(program("psql").args([
        "-X",
        "-q",
        "-A",
        "-t",
        "-v",
        "ON_ERROR_STOP=1",
        "-d",
        url,
        "-c",
        sql,
    ]));
    text.trim().to_owned()
}
