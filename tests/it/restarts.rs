//! Rolling restarts under load (`facts/reliability.md` R36): two instances behind a proxy that asks each whether it is
//! ready; one after the other is told to end and started again, while clients write and read without a pause. No
//! request fails, and no instance takes longer than 15 seconds to end.
//!
//! How many restarts there are is said by `TEST_RESTARTS`; `./dev chaos restarts` makes a hundred.
#![expect(
    clippy::disallowed_methods,
    reason = "clients and a proxy of the servers under test, and how long the test is, said by ./dev"
)]

use std::{
    process::{Child, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use simpul_chaos::history::Verdict;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    chaos::{self, Trial},
    world::{Way, World, free_port},
};

/// In every test run; the others are made by `./dev chaos restarts`.
const RESTARTS: usize = 10;
const CLIENTS: usize = 4;
/// How often the proxy asks who is ready, and how long the server goes on after it has said no.
const ASKS_EVERY: Duration = Duration::from_millis(50);
const DRAIN_MS: &str = "600";
/// R36.
const END_LIMIT: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_mins(1);
/// Of one request, on a machine that does other things too.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

const REGISTER: &str = "mutation($input: CustomerRegisterInput!) { customerRegister(input: $input) {
    customer { code } userErrors { code message } consistencyToken } }";
const FIND: &str = "query($code: String!) { customers(code: $code) { nodes { code } } }";

/// One of the servers.
struct Instance {
    port: u16,
    ready: AtomicBool,
    child: Mutex<Option<Child>>,
}

impl Instance {
    fn start(world: &World) -> Self {
        let instance = Self {
            port: free_port(),
            ready: AtomicBool::new(false),
            child: Mutex::default(),
        };
        instance.spawn(world);
        instance
    }

    fn spawn(&self, world: &World) {
        let child = world
            .command()
            .arg("serve")
            .env("SIMPUL_HTTP__LISTEN", format!("127.0.0.1:{}", self.port))
            .env("SIMPUL_HTTP__DRAIN_MS", DRAIN_MS)
            .env("SIMPUL_IDENTITY__BCRYPT_COST", "4")
            .env("SIMPUL_LIMITS__USER_REQUESTS_PER_MINUTE", "1000000")
            .env("SIMPUL_LIMITS__ADDRESS_REQUESTS_PER_MINUTE", "1000000")
            .env("SIMPUL_LIMITS__STAFF__USER_POINTS_PER_MINUTE", "100000000")
            .env("SIMPUL_LIMITS__STAFF__TENANT_POINTS_PER_MINUTE", "100000000")
            .env("SIMPUL_LIMITS__STAFF__OPERATION_POINTS", "5000")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the server starts");
        *self.child() = Some(child);
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Asks again and again, as a proxy does.
    async fn watch(self: Arc<Self>) {
        loop {
            let ready = timeout(Duration::from_secs(2), asks(self.port, "/ready")).await;
            self.ready.store(ready == Ok(Some(200)), Ordering::Release);
            sleep(ASKS_EVERY).await;
        }
    }

    /// Waits until the proxy would send it something.
    async fn until_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready() {
            assert!(Instant::now() < deadline, "an instance does not get ready");
            sleep(ASKS_EVERY).await;
        }
    }

    /// SIGTERM; how it ended, and after how long.
    async fn end(&self) -> (ExitStatus, Duration) {
        let mut child = self.child().take().expect("it runs");
        let pid = i32::try_from(child.id()).expect("a pid");
        let told = Instant::now();
        kill(Pid::from_raw(pid), Signal::SIGTERM).expect("signalled");
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break status;
            }
            if told.elapsed() > END_LIMIT * 2 {
                child.kill().expect("killed");
            }
            sleep(Duration::from_millis(10)).await;
        };
        (status, told.elapsed())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The status of `GET path`, if there is an answer.
async fn asks(port: u16, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    status(&answer)
}

fn status(answer: &[u8]) -> Option<u16> {
    let head = std::str::from_utf8(answer.get(..12)?).ok()?;
    head.strip_prefix("HTTP/1.1 ")?.parse().ok()
}

/// Connections to whoever is ready, in turns. Nobody's request is sent twice: only a connection that was not taken is
/// tried elsewhere.
async fn proxy(listener: TcpListener, instances: [Arc<Instance>; 2]) {
    let turn = AtomicUsize::new(0);
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        let first = turn.fetch_add(1, Ordering::Relaxed) % 2;
        let order = [&instances[first], &instances[1 - first]].map(Arc::clone);
        connections.spawn(async move {
            for instance in order.iter().filter(|instance| instance.is_ready()) {
                let Ok(mut server) = TcpStream::connect(("127.0.0.1", instance.port)).await else {
                    instance.ready.store(false, Ordering::Release);
                    continue;
                };
                // Whoever is cut off sees it for themself.
                let _ = copy_bidirectional(&mut client, &mut server).await;
                return;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// One request on a connection of its own; its data.
async fn ask(port: u16, token: &str, body: &Value, seen: Option<&str>) -> Result<Value, String> {
    let body = body.to_string();
    let seen = seen.map_or(String::new(), |seen| format!("X-Consistency-Token: {seen}\r\n"));
    let request = format!(
        "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\n\
         {seen}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let exchanged = timeout(REQUEST_LIMIT, async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    });
    let answer = exchanged.await.map_err(|_| "no answer in time".to_owned())?;
    let answer = answer.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (_, body) = text
        .split_once("\r\n\r\n")
        .ok_or_else(|| format!("cut off: {text:?}"))?;
    let mut answered: Value = serde_json::from_str(body).map_err(|error| format!("{error}: {text}"))?;
    if status(&answer) != Some(200) || answered.get("errors").is_some() {
        return Err(text);
    }
    Ok(answered["data"].take())
}

/// Registers customers and finds each of them, until it is over.
async fn client(port: u16, token: String, number: usize, over: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let (mut requests, mut failures) = (0, Vec::new());
    for round in 0_usize.. {
        if over.load(Ordering::Acquire) {
            break;
        }
        let code = format!("R-{number}-{round}");
        let input = json!({ "code": code, "name": "Budi", "phone": "0812-3456-7890" });
        let register = json!({ "query": REGISTER, "variables": { "input": input } });
        let registered = ask(port, &token, &register, None).await;
        requests += 1;
        let token_of = match &registered {
            Ok(data) if data["customerRegister"]["customer"]["code"] == code => {
                data["customerRegister"]["consistencyToken"].as_str()
            }
            Ok(data) => {
                failures.push(data.to_string());
                continue;
            }
            Err(failure) => {
                failures.push(failure.clone());
                continue;
            }
        };
        let find = json!({ "query": FIND, "variables": { "code": code } });
        let found = ask(port, &token, &find, token_of).await;
        requests += 1;
        match found {
            Ok(data) if data["customers"]["nodes"][0]["code"] == code => {}
            Ok(data) => failures.push(format!("{code} is not found: {data}")),
            Err(failure) => failures.push(failure),
        }
    }
    (requests, failures)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_instances_are_restarted_one_after_the_other() {
    let restarts = count("TEST_RESTARTS").unwrap_or(RESTARTS);
    let world = World::start(Way::Store).await;
    world.kill();
    let instances = [
        Arc::new(Instance::start(&world)),
        Arc::new(Instance::start(&world)),
    ];
    let mut around = JoinSet::new();
    for instance in &instances {
        around.spawn(Arc::clone(instance).watch());
    }
    for instance in &instances {
        instance.until_ready().await;
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    around.spawn(proxy(listener, instances.clone()));
    let over = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(port, world.token().to_owned(), number, Arc::clone(&over)));
    }
    let mut longest = Duration::ZERO;
    for restart in 0..restarts {
        let instance = &instances[restart % 2];
        let (status, took) = instance.end().await;
        assert!(status.success(), "restart {restart}: {status}");
        assert!(took <= END_LIMIT, "restart {restart} took {took:?} to end");
        longest = longest.max(took);
        instance.spawn(&world);
        instance.until_ready().await;
    }
    over.store(true, Ordering::Release);
    let (mut requests, mut failures) = (0, Vec::new());
    while let Some(done) = clients.join_next().await {
        let (sent, failed) = done.expect("a client");
        requests += sent;
        failures.extend(failed);
    }
    assert!(
        failures.is_empty(),
        "{} of {requests}: {failures:#?}",
        failures.len()
    );
    assert!(
        requests >= restarts * CLIENTS,
        "{requests} requests are no load for {restarts} restarts"
    );
    assert_eq!(
        world.count("customers.customer.registered").await,
        requests / 2 + 1,
        "each was registered once, and the operator's own customer"
    );
    assert!(longest <= END_LIMIT, "{longest:?}");
    let trial = Trial::of(
        "restarts",
        "no_request_fails_while_instances_are_restarted_one_after_the_other",
    );
    let verdict = Verdict {
        attempted: requests,
        successes: requests,
        ..Verdict::default()
    };
    chaos::keep(&trial.outcome(verdict, restarts));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_twice_it_ends_at_once() {
    let world = World::start(Way::Store).await;
    world.kill();
    let instance = Arc::new(Instance::start(&world));
    let mut around = JoinSet::new();
    around.spawn(Arc::clone(&instance).watch());
    instance.until_ready().await;
    // A request that does not end: its body never comes.
    let mut held = TcpStream::connect(("127.0.0.1", instance.port))
        .await
        .expect("connected");
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 100\r\n\r\n{{",
        world.token()
    );
    held.write_all(head.as_bytes()).await.expect("sent");
    let pid = instance.child().as_ref().map(Child::id).expect("it runs");
    let pid = Pid::from_raw(i32::try_from(pid).expect("a pid"));
    kill(pid, Signal::SIGTERM).expect("signalled");
    let deadline = Instant::now() + PATIENCE;
    while instance.is_ready() {
        assert!(Instant::now() < deadline, "it does not say that it ends");
        sleep(ASKS_EVERY).await;
    }
    let (status, took) = instance.end().await;
    assert_eq!(status.code(), Some(1), "it did not wait");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// A number from the environment.
fn count(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}
