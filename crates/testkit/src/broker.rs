//! A RabbitMQ of the test's own, that may be killed.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test without its broker must stop, saying why"
)]

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";
/// Seconds on a quiet machine.
const START: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(20);

/// RabbitMQ with its own port mapper and data, on loopback.
#[derive(Debug)]
pub struct OwnBroker {
    home: TempDir,
    port: u16,
    mapper: Child,
    server: Option<Child>,
}

impl OwnBroker {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        let home = TempDir::new().expect("a directory");
        let port = free_ports();
        std::fs::write(home.path().join("plugins"), "[].").expect("written");
        let mapper = Command::new("epmd")
            .args(["-address", "127.0.0.1", "-port", &(port + 2).to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("epmd is installed: run `./dev up`");
        let mut node = Self {
            home,
            port,
            mapper,
            server: None,
        };
        node.up().await;
        node
    }

    /// Starts it again, with the data that it had.
    pub async fn up(&mut self) {
        let (home, port) = (self.home.path(), self.port);
        let log = std::fs::File::create(home.join("log")).expect("a log");
        let server = Command::new(SERVER)
            .env_clear()
            .envs(environment(home, port))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("RabbitMQ is installed: run `./dev up`");
        self.server = Some(server);
        let deadline = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                Instant::now() < deadline,
                "waited {START:?} for the broker to answer: {}",
                std::fs::read_to_string(home.join("log")).unwrap_or_default()
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("killed");
            server.wait().expect("gone");
        }
    }

    pub fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// For something in between that leads here.
    pub fn url_at(&self, address: SocketAddr) -> String {
        format!("amqp://guest:guest@{address}/%2f")
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Runs `rabbitmqctl`.
    pub fn ctl(&self, arguments: &[&str]) {
        let output = Command::new(CONTROL)
            .env_clear()
            .envs(environment(self.home.path(), self.port))
            .args(arguments)
            .output()
            .expect("RabbitMQ is installed: run `./dev up`");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        // Nothing of the test may stay behind.
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
        let _ = self.mapper.kill();
        let _ = self.mapper.wait();
    }
}

fn environment(home: &Path, port: u16) -> Vec<(String, String)> {
    let path = |name: &str| home.join(name).display().to_string();
    [
        ("HOME", home.display().to_string()),
        ("LANG", "C.UTF-8".to_owned()),
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        ),
        ("RABBITMQ_NODENAME", format!("own{port}@localhost")),
        ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
        ("RABBITMQ_NODE_PORT", port.to_string()),
        ("RABBITMQ_DIST_PORT", (port + 1).to_string()),
        ("ERL_EPMD_PORT", (port + 2).to_string()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
        ("RABBITMQ_MNESIA_BASE", path("mnesia")),
        ("RABBITMQ_LOG_BASE", path("logs")),
        ("RABBITMQ_CONFIG_FILE", path("none")),
        ("RABBITMQ_CONF_ENV_FILE", path("none")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
        // The start script execs Erlang instead of watching it from a shell, so that the child is the server.
        ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// The first of three free ports in a row.
fn free_ports() -> u16 {
    (0..100)
        .filter_map(|_| TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok())
        .map(|address| address.port())
        .find(|port| {
            *port < 65_000 && (1..=2).all(|next| TcpListener::bind(("127.0.0.1", port + next)).is_ok())
        })
        .expect("free ports")
}
