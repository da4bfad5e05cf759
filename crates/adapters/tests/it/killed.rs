//! A broker of the test's own, killed while events are published.

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    rig::{Rig, broker, until},
    tally::{bump, tenant},
};

const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const START: Duration = Duration::from_mins(1);
/// RabbitMQ 3.10 forgets a quorum queue that was declared a moment before it is killed (its names are flushed
/// later): the test is about messages, so the queues are older than that.
const SETTLED: Duration = Duration::from_secs(4);
const LIMIT: Duration = Duration::from_mins(1);

/// RabbitMQ with its own port mapper and data, on loopback.
struct Node {
    home: TempDir,
    port: u16,
    mapper: Child,
    server: Option<Child>,
}

impl Node {
    async fn start() -> Self {
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

    async fn up(&mut self) {
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
        until("the broker answers", START, async || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
        .await;
    }

    fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("killed");
            server.wait().expect("gone");
        }
    }

    fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }
}

impl Drop for Node {
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
        ("RABBITMQ_NODENAME", format!("killed{port}@localhost")),
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

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_while_events_are_published_loses_nothing_and_repeats_have_no_effect() {
    let mut node = Node::start().await;
    let mut rig = Rig::idle().await;
    let broker = broker(node.url(), &rig.consumer);
    rig.relay(broker.clone());
    rig.queues(broker);
    bump(&rig.store(), tenant(1), "t").await;
    until("the first was consumed", LIMIT, async || rig.consumer.count() > 0).await;
    let declared = Instant::now();
    let mut published: i64 = 1;
    while published < 400 || declared.elapsed() < SETTLED {
        bump(&rig.store(), tenant(1), "t").await;
        published += 1;
    }
    node.kill();
    for _ in 0..100 {
        bump(&rig.store(), tenant(1), "t").await;
        published += 1;
    }
    node.up().await;
    let all = usize::try_from(published).expect("a number");
    until("every event was consumed", LIMIT, async || {
        rig.consumer.count() >= all
    })
    .await;
    let mut seen = rig.consumer.seen(tenant(1));
    seen.sort_unstable();
    assert_eq!(seen, (1..=published).collect::<Vec<i64>>(), "each once");
    rig.abandon().await;
}
