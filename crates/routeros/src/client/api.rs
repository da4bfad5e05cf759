//! The client that the rest of the program uses.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OnceCell, mpsc, oneshot};
use tokio::task::JoinSet;

use super::connect::{dial, pinned, verified};
use super::shell::{Driver, Request};
use super::{
    Answer, Capabilities, Command, Deadline, DialError, Endpoint, Error, Options, Query, RouterIdentity, Row,
    Security, Session, Timing,
};

const QUEUE: usize = 64;

/// A logged-in connection to one router. Clones share it; the last one dropped closes it.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    requests: mpsc::Sender<Request>,
    next_id: AtomicU64,
    timing: Timing,
    capabilities: OnceCell<Capabilities>,
    /// Owns the task; dropping it ends the connection.
    _driver: Mutex<JoinSet<()>>,
}

impl Client {
    /// Dials, secures and logs in. The dialer opens the socket, so it may refuse; it gets `timing.connect`.
    pub async fn connect<S, F>(
        endpoint: &Endpoint,
        options: Options,
        dialer: impl FnOnce(Endpoint) -> F,
    ) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        F: Future<Output = Result<S, DialError>>,
    {
        let stream = dial(options.timing.connect, dialer(endpoint.clone())).await?;
        Self::over(stream, &endpoint.host, options).await
    }

    /// Secures and logs in over an open stream. `host` is only used for the TLS server name.
    pub async fn over<S>(stream: S, host: &str, options: Options) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        match options.security {
            Security::Plain => Self::log_in(stream, options).await,
            Security::Pinned(pin) => {
                let stream = pinned(stream, host, pin, options.timing.handshake).await?;
                Self::log_in(stream, options).await
            }
            Security::Verified(ref roots) => {
                let stream = verified(stream, host, roots, options.timing.handshake).await?;
                Self::log_in(stream, options).await
            }
        }
    }

    async fn log_in<S>(stream: S, options: Options) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let started = tokio::time::Instant::now().into_std();
        let (session, first) = Session::start(options.login, options.timing.session, started);
        let (requests, inbox) = mpsc::channel(QUEUE);
        let (ready, logged_in) = oneshot::channel();
        let mut driver = JoinSet::new();
        driver.spawn(Driver::new(stream, session, inbox, ready).run(first));
        logged_in.await.map_err(|_| Error::Closed)??;
        Ok(Self {
            shared: Arc::new(Shared {
                requests,
                next_id: AtomicU64::new(1),
                timing: options.timing,
                capabilities: OnceCell::new(),
                _driver: Mutex::new(driver),
            }),
        })
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.shared.requests.is_closed()
    }

    /// Runs any command with the deadline for commands.
    pub async fn command(&self, command: Command) -> Result<Answer, Error> {
        self.command_within(command, self.shared.timing.command).await
    }

    /// Runs any command with its own deadline. Dropping the future cancels the command on the router.
    pub async fn command_within(&self, command: Command, deadline: Deadline) -> Result<Answer, Error> {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let request = Request::Submit {
            id,
            command,
            deadline,
            answer,
        };
        self.shared
            .requests
            .send(request)
            .await
            .map_err(|_| Error::Closed)?;
        let mut guard = AbandonOnDrop {
            requests: &self.shared.requests,
            id,
            armed: true,
        };
        let result = answered.await.map_err(|_| Error::Closed)?;
        guard.armed = false;
        result
    }

    /// The rows of a menu that meet every query, with the named properties. All rows or an error, never a part.
    pub async fn print(&self, menu: &str, proplist: &[&str], queries: &[Query]) -> Result<Vec<Row>, Error> {
        let mut command = Command::new(&format!("{menu}/print")).proplist(proplist);
        for query in queries {
            command = command.query(query);
        }
        Ok(self.command_within(command, self.shared.timing.print).await?.rows)
    }

    /// How many rows meet every query.
    pub async fn count(&self, menu: &str, queries: &[Query]) -> Result<u64, Error> {
        let mut command = Command::new(&format!("{menu}/print")).with("count-only", "");
        for query in queries {
            command = command.query(query);
        }
        let answer = self.command_within(command, self.shared.timing.print).await?;
        let count = answer.ret().and_then(|ret| ret.parse().ok());
        count.ok_or_else(|| Error::Protocol("a count came without its number".into()))
    }

    /// Adds a row; returns its id.
    pub async fn add(&self, menu: &str, fields: &[(&str, &str)]) -> Result<String, Error> {
        let answer = self.command(with_fields(&format!("{menu}/add"), fields)).await?;
        answer
            .ret()
            .ok_or_else(|| Error::Protocol("an add came without its id".into()))
    }

    /// Changes a row.
    pub async fn set(&self, menu: &str, id: &str, fields: &[(&str, &str)]) -> Result<(), Error> {
        let command = with_fields(&format!("{menu}/set"), fields).with(".id", id);
        self.command(command).await.map(drop)
    }

    /// Changes a menu that has one row only, such as `/system/identity`.
    pub async fn set_single(&self, menu: &str, fields: &[(&str, &str)]) -> Result<(), Error> {
        self.command(with_fields(&format!("{menu}/set"), fields))
            .await
            .map(drop)
    }

    /// Removes a row; [`Error::NotFound`] when it is not there.
    pub async fn remove(&self, menu: &str, id: &str) -> Result<(), Error> {
        self.verb(menu, "remove", id).await
    }

    /// Removes a row; says whether it was there.
    pub async fn remove_if_present(&self, menu: &str, id: &str) -> Result<bool, Error> {
        match self.remove(menu, id).await {
            Ok(()) => Ok(true),
            Err(Error::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Enables a row.
    pub async fn enable(&self, menu: &str, id: &str) -> Result<(), Error> {
        self.verb(menu, "enable", id).await
    }

    /// Disables a row.
    pub async fn disable(&self, menu: &str, id: &str) -> Result<(), Error> {
        self.verb(menu, "disable", id).await
    }

    /// Clears one property of a row.
    pub async fn unset(&self, menu: &str, id: &str, property: &str) -> Result<(), Error> {
        let command = Command::new(&format!("{menu}/unset"))
            .with(".id", id)
            .with("value-name", property);
        self.command(command).await.map(drop)
    }

    async fn verb(&self, menu: &str, verb: &str, id: &str) -> Result<(), Error> {
        self.command(Command::new(&format!("{menu}/{verb}")).with(".id", id))
            .await
            .map(drop)
    }

    /// Reboots the router. The connection ends without an answer; that is success. Nothing tells whether the router
    /// comes back: watch its uptime.
    pub async fn reboot(&self) -> Result<(), Error> {
        match self.command(Command::new("/system/reboot")).await {
            Ok(_) | Err(Error::Closed | Error::Fatal(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Says goodbye, so that the router frees the session at once.
    pub async fn quit(self) -> Result<(), Error> {
        match self.command(Command::new("/quit")).await {
            Ok(_) | Err(Error::Closed | Error::Fatal(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What this router can do. Asked once per connection.
    pub async fn capabilities(&self) -> Result<&Capabilities, Error> {
        self.shared
            .capabilities
            .get_or_try_init(|| Capabilities::ask(self))
            .await
    }

    /// Who this router is. Compare before writing: another router may have taken the address.
    pub async fn identity(&self) -> Result<RouterIdentity, Error> {
        RouterIdentity::ask(self).await
    }
}

fn with_fields(path: &str, fields: &[(&str, &str)]) -> Command {
    fields.iter().fold(Command::new(path), |command, (name, value)| {
        command.with(name, value)
    })
}

/// Cancels a command whose caller went away. Best effort: when the queue is full the deadline does it.
struct AbandonOnDrop<'a> {
    requests: &'a mpsc::Sender<Request>,
    id: u64,
    armed: bool,
}

impl Drop for AbandonOnDrop<'_> {
    fn drop(&mut self) {
        if self.armed {
            let _ = self.requests.try_send(Request::Abandon(self.id));
        }
    }
}
