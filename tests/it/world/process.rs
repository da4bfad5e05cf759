//! The server as a process that is killed and started again.

use std::{
    collections::VecDeque,
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, Stdio},
    sync::{MutexGuard, PoisonError},
};

use simpul_event_store::crash::Point;
use tokio::time::Instant;

use super::{PATIENCE, World};

const SIGKILL: i32 = 9;

/// The server's process.
#[derive(Debug, Default)]
pub(super) struct Process {
    child: Option<Child>,
    /// Where it is to die.
    armed: Option<Point>,
    /// Where those that follow are to die.
    next: VecDeque<Point>,
    /// Where servers have died because they were to.
    deaths: Vec<Point>,
    /// When the last of them did.
    died: Option<Instant>,
}

/// The same program with the same settings, started by another one.
pub(crate) fn below<S: AsRef<str>>(starter: &[S], own: &Command) -> Command {
    let mut command = match starter {
        [] => Command::new(own.get_program()),
        [program, arguments @ ..] => {
            let mut command = Command::new(program.as_ref());
            let arguments = arguments.iter().map(AsRef::as_ref);
            command.args(arguments).arg(own.get_program());
            command
        }
    };
    for (name, value) in own.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    if let Some(folder) = own.get_current_dir() {
        command.current_dir(folder);
    }
    command
}

impl World {
    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.process().child.as_ref().expect("a server").id()
    }

    /// Starts the server, to die at a point if one is given. Its log goes to the test's.
    pub(crate) fn spawn(&self, point: Option<Point>) {
        let mut command = below(&self.below, &self.command());
        command.arg("serve").stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(point) = point {
            command.env("CRASH_AT", point.name());
        }
        let mut process = self.process();
        process.child = Some(command.spawn().expect("the server starts"));
        process.armed = point;
    }

    /// SIGKILL: nothing is finished, nothing is closed.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.process().child.take() {
            child.kill().expect("killed");
            child.wait().expect("reaped");
        }
    }

    /// Starts the server again after it has died where it was to. Any other end fails the test.
    pub(crate) fn tend(&self) {
        let mut process = self.process();
        let Some(child) = &mut process.child else { return };
        let Some(status) = child.try_wait().expect("a child") else {
            return;
        };
        let point = process.armed.take().filter(|_| status.signal() == Some(SIGKILL));
        assert!(point.is_some(), "the server ended by itself: {status}");
        process.deaths.extend(point);
        process.died = Some(Instant::now());
        let next = process.next.pop_front();
        drop(process);
        self.spawn(next);
    }

    /// Whether whoever waits since then has waited long enough. A server that has died meanwhile starts the wait anew.
    pub(super) fn is_late(&self, since: Instant) -> bool {
        let since = self.process().died.map_or(since, |died| died.max(since));
        since.elapsed() > PATIENCE
    }

    /// Starts the server, to die at the first of these points, and those that follow it at the others.
    pub(crate) fn spawn_to_die(&self, points: impl IntoIterator<Item = Point>) {
        let mut points: VecDeque<Point> = points.into_iter().collect();
        let first = points.pop_front();
        self.process().next = points;
        self.spawn(first);
    }

    /// How often a server has died where it was to.
    pub(crate) fn deaths(&self) -> u32 {
        self.died_at().len().try_into().expect("few")
    }

    /// Where servers have died because they were to.
    pub(crate) fn died_at(&self) -> Vec<Point> {
        self.process().deaths.clone()
    }
}
