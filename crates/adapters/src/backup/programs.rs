//! PostgreSQL's own programs, and how they are run: no password among their arguments, every exit status looked at.

use std::{
    io::Read,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    thread::JoinHandle,
};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::BackupError;

/// Longest piece of what a program says that is kept.
const SAID_BYTES: usize = 2_000;

/// The folder that holds `pg_dump` and `pg_restore`.
#[derive(Debug, Clone)]
pub struct Programs(PathBuf);

impl Programs {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// What `pg_dump` says about itself.
    pub fn version(&self) -> Result<String, BackupError> {
        let program = "pg_dump";
        let output = Command::new(self.0.join(program))
            .arg("--version")
            .output()
            .map_err(|source| BackupError::Start { program, source })?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Starts a program against a database, or against none.
    pub fn run(
        &self,
        program: &'static str,
        arguments: &[&str],
        database: Option<&SecretString>,
    ) -> Result<Run, BackupError> {
        let mut command = Command::new(self.0.join(program));
        command.args(arguments);
        if let Some(url) = database {
            let mut url: Url = url.expose_secret().parse().map_err(|_| BackupError::Url)?;
            if let Some(password) = url.password().map(str::to_owned) {
                // libpq takes it decoded from here, and no process list shows it.
                let decoded = percent_decoded(&password);
                command.env("PGPASSWORD", decoded);
                url.set_password(None).map_err(|()| BackupError::Url)?;
            }
            command.arg(format!("--dbname={url}"));
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| BackupError::Start { program, source })?;
        let said = child.stderr.take().map(|mut errors| {
            std::thread::spawn(move || {
                let mut text = Vec::new();
                let _ = errors.read_to_end(&mut text);
                let from = text.len().saturating_sub(SAID_BYTES);
                String::from_utf8_lossy(&text[from..]).trim().to_owned()
            })
        });
        Ok(Run {
            program,
            child: Some(child),
            said,
        })
    }
}

fn percent_decoded(text: &str) -> String {
    let pair = format!("p={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

/// A program that runs. It is killed when this is dropped before its end.
#[derive(Debug)]
pub struct Run {
    program: &'static str,
    child: Option<Child>,
    said: Option<JoinHandle<String>>,
}

impl Run {
    /// What it writes.
    pub fn output(&mut self) -> Option<ChildStdout> {
        self.child.as_mut()?.stdout.take()
    }

    /// What it reads. Closed when dropped.
    pub fn input(&mut self) -> Option<ChildStdin> {
        self.child.as_mut()?.stdin.take()
    }

    /// Waits for its end; anything but success is an error with what it said.
    pub fn end(mut self) -> Result<(), BackupError> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        drop(child.stdin.take());
        let status: ExitStatus = child.wait()?;
        let said = self.said.take().and_then(|said| said.join().ok());
        if status.success() {
            return Ok(());
        }
        let said = said.filter(|said| !said.is_empty());
        Err(BackupError::Failed {
            program: self.program,
            said: said.unwrap_or_else(|| status.to_string()),
        })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
