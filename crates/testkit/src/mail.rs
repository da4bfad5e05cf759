//! A mail server of the test's own (aiosmtpd), that fails as it is told.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test without its mail server must stop, saying why; Python is named by the environment of ./dev"
)]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

const SCRIPT: &str = include_str!("mail_server.py");
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(20);

/// How the server protects connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    None,
    StartTls,
    Implicit,
}

/// How the server fails, and how often before it stops failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailFault {
    None,
    /// 451 to the recipient.
    Defer,
    /// 550 to the recipient.
    Reject,
    /// The connection is cut while the letter is handed over.
    Cut,
    /// No answer to the letter, ever.
    Silent,
    /// The letter is taken, and the connection cut before anybody is told.
    Forget,
}

/// How to start a server.
#[derive(Debug, Clone, Copy)]
pub struct MailOptions {
    pub tls: MailTls,
    pub fault: MailFault,
    pub failures: u32,
    /// Whoever does not know these may send nothing.
    pub credentials: Option<(&'static str, &'static str)>,
}

impl Default for MailOptions {
    fn default() -> Self {
        Self {
            tls: MailTls::None,
            fault: MailFault::None,
            failures: 1_000_000,
            credentials: None,
        }
    }
}

/// One letter as the server took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub to: String,
    /// Headers and body, as they came.
    pub message: String,
    pub encrypted: bool,
    pub user: Option<String>,
}

/// A running server.
#[derive(Debug)]
pub struct MailServer {
    port: u16,
    child: Child,
    // The server ends when this does, and says back every line that it is told.
    told: Mutex<ChildStdin>,
    asked: AtomicU64,
    seen: Arc<Mutex<Vec<Value>>>,
    folder: TempDir,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl MailServer {
    /// Starts one and waits until it listens.
    pub async fn start(options: MailOptions) -> Self {
        let folder = TempDir::new().expect("a folder");
        let python = std::env::var("SIMPUL_TEST_PYTHON");
        let python = python.expect("SIMPUL_TEST_PYTHON is not set: eval \"$(./dev env)\"");
        let mut command = Command::new(python);
        command.args(["-c", SCRIPT]);
        let tls = match options.tls {
            MailTls::None => "none",
            MailTls::StartTls => "starttls",
            MailTls::Implicit => "implicit",
        };
        let fault = match options.fault {
            MailFault::None => "none",
            MailFault::Defer => "defer",
            MailFault::Reject => "reject",
            MailFault::Cut => "cut",
            MailFault::Silent => "silent",
            MailFault::Forget => "forget",
        };
        command.args(["--security", tls, "--fault", fault]);
        command.args(["--failures", &options.failures.to_string()]);
        if options.tls != MailTls::None {
            let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
            let (certificate, key) = (folder.path().join("server.pem"), folder.path().join("key.pem"));
            std::fs::write(&certificate, own.cert.pem()).expect("written");
            std::fs::write(&key, own.signing_key.serialize_pem()).expect("written");
            command
                .arg("--certificate")
                .arg(certificate)
                .arg("--key")
                .arg(key);
        }
        if let Some((user, password)) = options.credentials {
            command.args(["--user", user, "--password", password]);
        }
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("Python runs");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let seen = Arc::<Mutex<Vec<Value>>>::default();
        let written = Arc::clone(&seen);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("JSON");
                written.lock().unwrap_or_else(PoisonError::into_inner).push(event);
            }
        });
        let mut server = Self {
            port: 0,
            told: Mutex::new(child.stdin.take().expect("its input")),
            asked: AtomicU64::new(0),
            child,
            seen,
            folder,
        };
        let listening = server
            .wait("the mail server to listen", |seen| seen.first().cloned())
            .await;
        server.port = listening["port"]
            .as_u64()
            .and_then(|port| port.try_into().ok())
            .expect("a port");
        server
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that the server shows, which vouches for itself.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn wait<T>(&self, what: &str, find: impl Fn(&[Value]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = find(&self.seen()) {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "waited in vain for {what}: {:?}",
                self.seen()
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// All that happened until now: a letter can be answered before its line was read here.
    async fn seen_until_now(&self) -> Vec<Value> {
        let question = self.asked.fetch_add(1, Ordering::Relaxed).to_string();
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            writeln!(told, "{question}").expect("the mail server listens");
        }
        self.wait("the mail server to say what it saw", |seen| {
            seen.iter()
                .position(|event| event["asked"] == *question)
                .map(|end| seen[..end].to_vec())
        })
        .await
    }

    /// How often somebody named a recipient.
    pub async fn tries(&self) -> usize {
        let seen = self.seen_until_now().await;
        seen.iter().filter(|event| event["event"] == "try").count()
    }

    /// Every letter that was taken.
    pub async fn letters(&self) -> Vec<Taken> {
        letters(&self.seen_until_now().await)
    }

    /// The n-th letter to an address, once there is one.
    pub async fn letter_to(&self, address: &str, nth: usize) -> Taken {
        self.wait(&format!("letter {nth} to {address}"), |seen| {
            let mut to = letters(seen).into_iter().filter(|letter| letter.to == address);
            to.nth(nth)
        })
        .await
    }
}

fn letters(seen: &[Value]) -> Vec<Taken> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let taken = seen.iter().filter(|event| event["event"] == "letter");
    taken
        .map(|event| Taken {
            to: text(&event["to"][0]),
            message: text(&event["message"]),
            encrypted: event["encrypted"] == true,
            user: event["user"].as_str().map(str::to_owned),
        })
        .collect()
}
