//! The simulator behind sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::config::ServerConfig;
use super::faults::Switches;
use super::journal::JournalEntry;
use super::listen::{self, Acceptor};
use super::router::{Router, Snapshot};
use super::table::PlainRow;
use crate::tls::Fingerprint;

/// The size of the pipe behind an in-memory connection, as small as a socket buffer.
const PIPE_BYTES: usize = 16 * 1024;

/// Why the simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket cannot be bound.
    #[error("the simulator cannot listen")]
    Listen(#[from] io::Error),
    /// The certificate cannot be made.
    #[error("the simulator's certificate cannot be made")]
    Certificate(#[from] rcgen::Error),
    /// The certificate cannot be used.
    #[error("the simulator's TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// Starts simulators.
#[derive(Debug)]
pub struct Server;

/// What the tasks of one simulator share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) router: Mutex<Router>,
    pub(super) switches: Switches,
    pub(super) started: Instant,
    pub(super) session_limit: usize,
}

impl Shared {
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// A panic in another test task must not hide the state from the assertions.
    pub(super) fn router(&self) -> MutexGuard<'_, Router> {
        self.router.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running simulator. Dropping it, or [`ServerHandle::stop`], ends it and all its connections.
#[derive(Debug)]
pub struct ServerHandle {
    /// Where the service `api` listens.
    pub addr: Option<SocketAddr>,
    /// Where the service `api-ssl` listens.
    pub tls_addr: Option<SocketAddr>,
    /// Where the control protocol listens.
    pub control_addr: Option<SocketAddr>,
    /// Of the certificate of `api-ssl`.
    pub fingerprint: Option<Fingerprint>,
    /// The failures.
    pub switches: Switches,
    /// The state behind the API.
    pub router: RouterHandle,
    connections: mpsc::UnboundedSender<DuplexStream>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Binds, makes a certificate if there is a TLS service, and serves until the handle is dropped.
    pub async fn start(config: ServerConfig) -> Result<ServerHandle, StartError> {
        let switches = Switches::new();
        let shared = Arc::new(Shared {
            router: Mutex::new(Router::new(config.router)),
            switches: switches.clone(),
            started: Instant::now(),
            session_limit: config.session_limit,
        });
        let mut tasks = JoinSet::new();
        let (connections, in_memory) = mpsc::unbounded_channel();
        tasks.spawn(listen::serve_in_memory(Arc::clone(&shared), in_memory));

        let mut handle = ServerHandle {
            addr: None,
            tls_addr: None,
            control_addr: None,
            fingerprint: None,
            switches,
            router: RouterHandle {
                shared: Arc::clone(&shared),
            },
            connections,
            tasks,
        };
        if let Some(plain) = config.plain {
            handle.addr = Some(handle.listen(plain, Acceptor::Plain).await?);
        }
        if let Some(tls) = config.tls {
            let (acceptor, fingerprint) = listen::certificate(config.certificate)?;
            handle.fingerprint = Some(fingerprint);
            handle.tls_addr = Some(handle.listen(tls, acceptor).await?);
        }
        if let Some(control) = config.control {
            let listener = TcpListener::bind(control).await?;
            handle.control_addr = Some(listener.local_addr()?);
            handle.tasks.spawn(listen::serve_control(shared, listener));
        }
        Ok(handle)
    }
}

impl ServerHandle {
    async fn listen(&mut self, at: SocketAddr, acceptor: Acceptor) -> Result<SocketAddr, io::Error> {
        let listener = TcpListener::bind(at).await?;
        let bound = listener.local_addr()?;
        self.tasks.spawn(listen::serve_sockets(
            Arc::clone(&self.router.shared),
            listener,
            bound,
            acceptor,
        ));
        Ok(bound)
    }

    /// A connection without a socket, to the plain service. `None` when nothing would listen.
    pub fn open(&self) -> Option<DuplexStream> {
        if self.switches.current().power == super::Power::Refuse {
            return None;
        }
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        self.connections.send(theirs).ok()?;
        Some(ours)
    }

    /// Ends the simulator and waits for its tasks.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// The state of a running simulator, for set-up and assertions. Everything here bypasses users and failures.
#[derive(Debug, Clone)]
pub struct RouterHandle {
    shared: Arc<Shared>,
}

/// The router refused what a test set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulated router refuses: {0}")]
pub struct SeedError(pub String);

impl RouterHandle {
    /// Rows of a menu, as plain text.
    pub fn rows(&self, menu: &str) -> Vec<PlainRow> {
        self.shared.router().plain_rows(self.shared.now(), menu)
    }

    /// Everything.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.router().snapshot(self.shared.now())
    }

    /// Every write received so far.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.shared.router().journal().cloned().collect()
    }

    /// Adds a row as an operator at the console would; not in the journal. Returns its id.
    pub fn add(&self, menu: &str, fields: &[(&str, &str)]) -> Result<String, SeedError> {
        self.write(&format!("{menu}/add"), fields)
    }

    /// Runs any write as an operator at the console would; not in the journal.
    pub fn write(&self, path: &str, fields: &[(&str, &str)]) -> Result<String, SeedError> {
        let first = crate::codec::Sentence::of(path.as_bytes().to_vec());
        let sentence = fields
            .iter()
            .fold(first, |sentence, (name, value)| sentence.attribute(name, value));
        let done = self.shared.router().write(self.shared.now(), &sentence);
        done.map(Option::unwrap_or_default)
            .map_err(|refusal| SeedError(refusal.message))
    }

    /// Puts a customer's device on a line.
    pub fn plug_in(&self, name: &str) {
        self.shared.router().plug_in(self.shared.now(), name);
    }

    /// Takes a customer's device off its line.
    pub fn unplug(&self, name: &str) {
        self.shared.router().unplug(name);
    }

    /// Restarts the router without closing connections; use the `power` switch for that.
    pub fn reboot(&self) {
        self.shared.router().reboot(self.shared.now());
    }

    /// Changes a user's password.
    pub fn set_password(&self, user: &str, password: &str) {
        self.shared.router().set_password(user, password);
    }

    /// API sessions that are logged in.
    pub fn api_sessions(&self) -> usize {
        self.shared.router().api_sessions.len()
    }
}
