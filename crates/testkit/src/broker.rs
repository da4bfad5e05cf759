//! A RabbitMQ of the test's own, that may be killed; or three nodes that are one, any of which may be cut off.
#![expect(
    clippy::expect_used,
    reason = "a test without its broker must stop, saying why"
)]

use std::{
    fs::Permissions,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
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
    node: Node,
    _mapper: Mapper,
}

impl OwnBroker {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        let port = free_ports();
        let mapper = Mapper::start(port + 2);
        let mut node = Node::new(port, &mapper, "");
        node.up().await;
        Self {
            node,
            _mapper: mapper,
        }
    }

    /// Starts it again, with the data that it had.
    pub async fn up(&mut self) {
        self.node.up().await;
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.node.kill();
    }

    pub fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// For something in between that leads here.
    pub fn url_at(&self, address: SocketAddr) -> String {
        url_at(address)
    }

    pub fn address(&self) -> SocketAddr {
        self.node.address()
    }

    /// Runs `rabbitmqctl`.
    pub fn ctl(&self, arguments: &[&str]) {
        self.node.ctl(arguments);
    }
}

/// Three nodes that share their queues. One that sees no other takes no part (`pause_minority`).
#[derive(Debug)]
pub struct OwnCluster {
    nodes: [Node; 3],
    _mapper: Mapper,
}

impl OwnCluster {
    pub async fn start() -> Self {
        let ports = [free_ports(), free_ports(), free_ports()];
        let mapper = Mapper::start(ports[0] + 2);
        let mut config = vec![
            "cluster_partition_handling = pause_minority".to_owned(),
            "cluster_formation.peer_discovery_backend = classic_config".to_owned(),
        ];
        for (number, port) in (1..).zip(ports) {
            let name = name(port);
            config.push(format!(
                "cluster_formation.classic_config.nodes.{number} = {name}"
            ));
        }
        let config = config.join("\n") + "\n";
        let mut nodes = ports.map(|port| Node::new(port, &mapper, &config));
        let [first, second, third] = &mut nodes;
        // Those who begin alone found a cluster of their own.
        first.up().await;
        tokio::join!(second.up(), third.up());
        let cluster = Self {
            nodes,
            _mapper: mapper,
        };
        cluster.whole();
        cluster
    }

    /// Waits until all see each other and take part.
    pub fn whole(&self) {
        for node in &self.nodes {
            node.ctl(&["await_startup", "--timeout", "60"]);
            node.ctl(&["await_online_nodes", "3", "--timeout", "60"]);
        }
    }

    /// Cuts a node off from the two others: they refuse to talk to each other.
    pub fn cut_off(&self, node: usize) {
        self.with_others(node, "cut", "erlang:disconnect_node(N)");
    }

    /// Lets it find them again.
    pub fn let_back(&self, node: usize) {
        self.with_others(node, "erlang:get_cookie()", "net_kernel:connect_node(N)");
        self.whole();
    }

    /// Has a node show another cookie to each of the two others, `N`, and then do something with it.
    fn with_others(&self, node: usize, cookie: &str, then: &str) {
        let others: Vec<String> = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(number, _)| *number != node)
            .map(|(_, other)| format!("'{}'", name(other.port)))
            .collect();
        let others = others.join(", ");
        let expression =
            format!("[begin erlang:set_cookie(N, {cookie}), {then} end || N <- [{others}]], ok.");
        self.nodes[node].ctl(&["eval", &expression]);
    }

    pub fn address(&self, node: usize) -> SocketAddr {
        self.nodes[node].address()
    }

    /// For something in between that leads to a node.
    pub fn url_at(&self, address: SocketAddr) -> String {
        url_at(address)
    }
}

/// `epmd` of a test's own.
#[derive(Debug)]
struct Mapper {
    port: u16,
    process: Child,
}

impl Mapper {
    fn start(port: u16) -> Self {
        let process = Command::new("epmd")
            .args(["-address", "127.0.0.1", "-port", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("epmd is installed: run `./dev up`");
        Self { port, process }
    }
}

impl Drop for Mapper {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[derive(Debug)]
struct Node {
    home: TempDir,
    port: u16,
    mapper_port: u16,
    server: Option<Child>,
}

impl Node {
    fn new(port: u16, mapper: &Mapper, config: &str) -> Self {
        let home = TempDir::new().expect("a directory");
        std::fs::write(home.path().join("plugins"), "[].").expect("written");
        std::fs::write(home.path().join("rabbitmq.conf"), config).expect("written");
        let cookie = home.path().join(".erlang.cookie");
        std::fs::write(&cookie, "of-a-test").expect("written");
        std::fs::set_permissions(cookie, Permissions::from_mode(0o400)).expect("ours alone");
        Self {
            home,
            port,
            mapper_port: mapper.port,
            server: None,
        }
    }

    async fn up(&mut self) {
        let (home, port) = (self.home.path(), self.port);
        let log = std::fs::File::create(home.join("log")).expect("a log");
        let server = Command::new(SERVER)
            .env_clear()
            .envs(self.environment())
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

    fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("killed");
            server.wait().expect("gone");
        }
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    fn ctl(&self, arguments: &[&str]) {
        let output = Command::new(CONTROL)
            .env_clear()
            .envs(self.environment())
            .args(arguments)
            .output()
            .expect("RabbitMQ is installed: run `./dev up`");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn environment(&self) -> [(&'static str, String); 15] {
        let path = |name: &str| self.home.path().join(name).display().to_string();
        [
            ("HOME", self.home.path().display().to_string()),
            ("LANG", "C.UTF-8".to_owned()),
            (
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            ),
            ("RABBITMQ_NODENAME", name(self.port)),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODE_PORT", self.port.to_string()),
            ("RABBITMQ_DIST_PORT", (self.port + 1).to_string()),
            ("ERL_EPMD_PORT", self.mapper_port.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_MNESIA_BASE", path("mnesia")),
            ("RABBITMQ_LOG_BASE", path("logs")),
            ("RABBITMQ_CONFIG_FILE", path("rabbitmq")),
            ("RABBITMQ_CONF_ENV_FILE", path("none")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
            // The start script execs Erlang instead of watching it from a shell, so that the child is the server.
            ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
        ]
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Nothing of the test may stay behind.
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn name(port: u16) -> String {
    format!("own{port}@localhost")
}

fn url_at(address: SocketAddr) -> String {
    format!("amqp://guest:guest@{address}/%2f")
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
