//! Servers are killed while others go on.

use std::{
    os::unix::process::CommandExt as _,
    process::{Child, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::time::sleep;

use super::{
    Trial,
    crowd::{Crowd, Manners, without_limits},
    keep,
};
use crate::world::{Setting, Way, World, below, free_port};

/// A server beside the world's own.
#[derive(Debug)]
pub(super) struct Beside(Child);

impl Drop for Beside {
    fn drop(&mut self) {
        // SIGKILL, as everything here ends; to the whole group, because a wrapper waits for the server it has started.
        let group = Pid::from_raw(self.0.id().try_into().expect("a process"));
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

impl Beside {
    /// With these roles, listening elsewhere, below `wrapper` if there is one.
    pub(super) fn start<S: AsRef<str>>(world: &World, wrapper: &[S], roles: &str) -> Self {
        let mut command = below(wrapper, &world.command());
        let listen = format!("127.0.0.1:{}", free_port());
        let child = command
            .env("SIMPUL_HTTP__LISTEN", listen)
            .args(["serve", "--roles", roles])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a server");
        Self(child)
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_none()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projectors_killed_again_and_again_leave_the_rows_that_a_rebuild_gives() {
    let trial = Trial::of("projector-killed", "projectors_killed_again_and_again");
    let mut rng = trial.rng();
    let world = World::begin(Setting {
        environment: without_limits(),
        ..Setting::from(Way::Store)
    })
    .await;
    world.confirmed("full", 1).await;
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "P", Manners::patient(6));
    // The world's own server projects too: one of all leads, and the others stand by.
    let mut strikes = 0;
    for _ in 0..12 {
        let pair = [(); 2].map(|()| Beside::start(&world, &[""; 0], "projector"));
        sleep(Duration::from_millis(150 + rng.u64(..500))).await;
        if rng.bool() {
            world.kill();
            world.spawn(None);
        }
        drop(pair);
        strikes += 2;
    }
    let healed = crowd.history.now();
    crowd.succeeds(&world, 40).await;
    let recovery = crowd.history.recovery(healed);
    let history = crowd.disperse().await;
    let verdict = world.verdict(world.operator.tenant, &history, 40).await;
    keep(&trial.outcome(verdict, strikes).recovered_in(recovery));
}
