//! `simpul dev` with a PostgreSQL of its own: from nothing, again, after `kill -9`, and where there is none.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use simpul_adapters::egress::{Egress, Policy};
use tempfile::TempDir;
use tokio::time::Instant;
use url::Url;

use crate::world;

/// A cluster is made and a binary without optimisation migrates it, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_mins(3);
const PAUSE: Duration = Duration::from_millis(50);

/// A folder in which nothing is but a configuration that takes a free port.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // Started by root, the server runs as another user, who has to get in.
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open).expect("opened");
        fs::write(
            folder.path().join("simpul.toml"),
            "[http]\nlisten = \"127.0.0.1:0\"\n",
        )
        .expect("written");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A bare environment: nothing but `PATH`.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(world::binary());
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Starts `simpul dev` and waits until it says that it is ready.
    fn start(&self) -> Running {
        let mut child = self
            .command(&["dev"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let out = child.stdout.take().expect("its output");
        let (lines, said) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        let mut running = Running {
            child,
            tenant: String::new(),
            api: None,
            token: SecretString::default(),
        };
        loop {
            let line = said.recv_timeout(PATIENCE).expect("simpul dev gets ready");
            match line.split_once(' ').map(|(word, rest)| (word, rest.trim())) {
                Some(("tenant", id)) => id.clone_into(&mut running.tenant),
                Some(("API", url)) => running.api = Some(Url::parse(url).expect("a URL")),
                Some(("token", token)) => running.token = token.to_owned().into(),
                None if line == "ready" => return running,
                _ => {}
            }
        }
    }

    fn postmaster(&self) -> Option<PathBuf> {
        let file = fs::read_to_string(self.path().join(".dev/embedded/data/postmaster.pid")).ok()?;
        let pid = file.lines().next()?;
        let process = PathBuf::from("/proc").join(pid);
        process.exists().then_some(process)
    }
}

/// What a test that fails leaves running.
impl Drop for Place {
    fn drop(&mut self) {
        let Some(process) = self.postmaster() else {
            return;
        };
        let pid = process.file_name().and_then(|pid| pid.to_str()?.parse().ok());
        if let Some(pid) = pid {
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        }
    }
}

struct Running {
    child: Child,
    tenant: String,
    api: Option<Url>,
    token: SecretString,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    async fn ask(&self, query: &str) -> Value {
        let reply = Egress::new(Policy::development())
            .expect("a guard")
            .http()
            .post(self.api.clone().expect("the API's address"))
            .expect("allowed")
            .secret_header(http::header::AUTHORIZATION, "Bearer ", &self.token)
            .expect("a header")
            .json(&json!({ "query": query }))
            .send()
            .await
            .expect("an answer");
        let answer: Value = reply.json().expect("JSON");
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }

    /// Waits until the operator's line is proved on the router simulator of this run: at a later position than
    /// `before`, which the run before has proved on its own.
    async fn converged(&self, before: u64) -> u64 {
        let query = "{ subscriptions(first: 5) { nodes { status provisioning { state confirmedVersion } } }
                       routers(first: 5) { nodes { identity } } }";
        let deadline = Instant::now() + PATIENCE;
        loop {
            let data = self.ask(query).await;
            let (line, routers) = (&data["subscriptions"]["nodes"][0], &data["routers"]["nodes"]);
            let proof = &line["provisioning"];
            let version = proof["confirmedVersion"]
                .as_str()
                .and_then(|digits| digits.parse().ok());
            if let Some(version) = version.filter(|version| *version > before)
                && proof["state"] == "CONFIRMED"
                && *routers == json!([{ "identity": "demo-router" }])
            {
                assert_eq!(line["status"], "ACTIVE");
                return version;
            }
            assert!(Instant::now() < deadline, "not converged: {data}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn signal(&mut self, signal: Signal) -> std::process::ExitStatus {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("signalled");
        self.child.wait().expect("ended")
    }
}

#[tokio::test]
async fn dev_makes_its_own_cluster_keeps_it_and_takes_over_what_kill_left() {
    let place = Place::new();
    let mut first = place.start();
    let proved = first.converged(0).await;
    let tenant = first.tenant.clone();
    assert!(first.signal(Signal::SIGTERM).success(), "an orderly end");
    assert!(place.postmaster().is_none(), "SIGTERM stops the server too");

    let mut second = place.start();
    assert_eq!(second.tenant, tenant, "the same operator, from the same data");
    let proved = second.converged(proved).await;
    let output = place.command(&["doctor"]).output().expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("own PostgreSQL") && said.contains("a cluster runs"),
        "{said}"
    );
    let another = place.command(&["dev"]).output().expect("the binary runs");
    let said = String::from_utf8_lossy(&another.stderr);
    assert!(
        !another.status.success() && said.contains("another simpul uses the cluster"),
        "{said}"
    );
    second.signal(Signal::SIGKILL);
    let left = place.postmaster().expect("kill -9 leaves the server running");

    let mut third = place.start();
    assert_eq!(
        place.postmaster(),
        Some(left),
        "it is taken over, not started again"
    );
    assert_eq!(third.tenant, tenant);
    third.converged(proved).await;
    assert!(third.signal(Signal::SIGINT).success(), "an interrupt ends it too");
    assert!(place.postmaster().is_none());
}

#[test]
fn the_demo_needs_no_server_at_all() {
    let place = Place::new();
    let output = place
        .command(&["demo", "--once", "--embedded"])
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("router confirmed: back on the plan"), "{said}");
    assert!(place.postmaster().is_none(), "its server ends with it");
}

#[test]
fn without_a_server_the_error_says_what_to_do() {
    let place = Place::new();
    let nothing = place.path().join("nothing");
    fs::create_dir(&nothing).expect("a folder");
    let output = place
        .command(&["dev"])
        .env("PG_BIN", &nothing)
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("PG_BIN names") && said.contains("version 15"),
        "{said}"
    );
    assert!(!place.path().join(".dev/embedded").exists(), "nothing was begun");
}

#[test]
fn a_given_database_wins() {
    let place = Place::new();
    let output = place
        .command(&["dev"])
        .env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("cannot migrate the database"),
        "{said}"
    );
    assert!(
        !place.path().join(".dev/embedded").exists(),
        "no server of our own"
    );
}
