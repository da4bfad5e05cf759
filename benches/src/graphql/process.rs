//! A server in a process of its own, and what the kernel says it has used.

use std::{fs, process::Stdio, time::Duration};

use anyhow::{Context as _, ensure};
use sqlx::{Connection as _, PgConnection};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// The kernel counts in these on every Linux that is in use (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// A running server; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts it and waits for the line with its port.
    pub(super) async fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().context("its output")?;
        let line = BufReader::new(out).lines().next_line().await?;
        let line = line.context("the server ended before it listened")?;
        Ok(Self {
            child,
            port: line.trim().parse()?,
        })
    }

    /// CPU time so far.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        let pid = self.child.id().context("the server has ended")?;
        Ok(cpu_of(&stat(pid)?))
    }

    /// Memory that it holds, in MiB.
    pub(super) fn resident_mib(&self) -> anyhow::Result<f64> {
        let pid = self.child.id().context("the server has ended")?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS"));
        let digits: String = line
            .unwrap_or_default()
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        Ok(digits.parse::<f64>()? / 1024.0)
    }
}

/// The fields of a process' `stat` after its name.
fn stat(pid: u32) -> anyhow::Result<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(')').context("not a stat file")?;
    // The state is a letter.
    Ok(rest
        .split_ascii_whitespace()
        .map(|word| word.parse().unwrap_or_default())
        .collect())
}

fn cpu_of(stat: &[u64]) -> Duration {
    let ticks: u64 = stat.iter().skip(11).take(2).sum();
    TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// PostgreSQL with all its sessions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Postgres {
    postmaster: u32,
}

impl Postgres {
    pub(super) async fn find(superuser_url: &str) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(superuser_url).await?;
        let folder: String = sqlx::query_scalar!(r#"SELECT current_setting('data_directory') AS "folder!""#)
            .fetch_one(&mut connection)
            .await?;
        let file = fs::read_to_string(format!("{folder}/postmaster.pid"))?;
        let pid = file.lines().next().unwrap_or_default().parse()?;
        Ok(Self { postmaster: pid })
    }

    /// CPU time so far of the sessions that are there.
    pub(super) fn cpu(self) -> anyhow::Result<Duration> {
        let mut sum = Duration::ZERO;
        for entry in fs::read_dir("/proc")? {
            let Ok(pid) = entry?.file_name().to_string_lossy().parse() else {
                continue;
            };
            // A process may end while it is looked at.
            let Ok(stat) = stat(pid) else { continue };
            if stat.get(1) == Some(&u64::from(self.postmaster)) {
                sum += cpu_of(&stat);
            }
        }
        ensure!(sum > Duration::ZERO, "PostgreSQL has no sessions");
        Ok(sum)
    }
}
