//! Callers that go away while their transaction is being begun.
//!
//! sqlx does not know of a transaction whose `BEGIN` was on the wire when its future was dropped (transact-rs/sqlx issue
//! 4385; `facts/reliability.md` finding 1): the connection would go back to the pool with the transaction open.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use simpul_event_store::{Db, DbConfig};
use simpul_testkit::TestDb;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream, unix},
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{counter::tenant, sql::Session};

/// The server ends a forgotten transaction after 15 seconds; the pool must be sooner.
const PATIENCE: Duration = Duration::from_secs(10);
const SOCKET: &str = ".s.PGSQL.5432";

/// A way to the database that tells when a transaction is begun, and can hold the answer to that back.
struct Gate {
    folder: tempfile::TempDir,
    holding: watch::Sender<bool>,
    begun: mpsc::UnboundedReceiver<()>,
    _tasks: JoinSet<()>,
}

impl Gate {
    fn before(server: PathBuf) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join(SOCKET)).expect("a socket");
        let (holding, held) = watch::channel(false);
        let (tell, begun) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(server.join(SOCKET))
                    .await
                    .expect("the server");
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                let (begins, begun) = watch::channel(false);
                let may_hold = held.clone();
                passing.spawn(ask(from_client, to_server, tell.clone(), may_hold, begins));
                passing.spawn(answer(from_server, to_client, held.clone(), begun));
            }
        });
        Self {
            folder,
            holding,
            begun,
            _tasks: tasks,
        }
    }
}

async fn ask(
    mut client: unix::OwnedReadHalf,
    mut server: unix::OwnedWriteHalf,
    tell: mpsc::UnboundedSender<()>,
    holding: watch::Receiver<bool>,
    begins: watch::Sender<bool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = client.read(&mut buffer).await {
        let is_begin = buffer[..read].windows(5).any(|word| word == b"BEGIN");
        begins.send_replace(is_begin && *holding.borrow());
        if server.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        if is_begin {
            let _ = tell.send(());
        }
    }
}

/// The answer to a `BEGIN` waits until nothing is held any more.
async fn answer(
    mut server: unix::OwnedReadHalf,
    mut client: unix::OwnedWriteHalf,
    mut holding: watch::Receiver<bool>,
    begun: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = server.read(&mut buffer).await {
        if *begun.borrow() && holding.wait_for(|held| !held).await.is_err() {
            return;
        }
        if client.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// A gate before the socket of a URL, and the URL of the same database behind it.
fn gated(url: &str) -> (Gate, SecretString) {
    let (user, rest) = url.split_once('@').expect("a user");
    let (host, database) = rest.split_once('/').expect("a database");
    let gate = Gate::before(PathBuf::from(host.replace("%2F", "/")));
    let folder = gate.folder.path().display().to_string().replace('/', "%2F");
    (gate, SecretString::from(format!("{user}@{folder}/{database}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_goes_away_leaves_no_transaction_open() {
    let test = TestDb::create().await;
    let (mut gate, app) = gated(&test.app_url);
    let db = Db::connect(&DbConfig::new(app, SecretString::from(test.system_url.clone()))).expect("URLs");
    for round in 0..8 {
        let tx = db.read_tx(tenant(1)).await.expect("a transaction");
        gate.begun.recv().await.expect("it was begun");
        tx.rollback().await.expect("rolled back");
        gate.holding.send_replace(true);
        let reader = {
            let db = db.clone();
            async move { db.read_tx(tenant(1)).await.map(drop) }
        };
        let mut readers = JoinSet::new();
        readers.spawn(reader);
        gate.begun.recv().await.expect("it was begun");
        readers.shutdown().await;
        gate.holding.send_replace(false);
        assert!(readers.is_empty(), "round {round}");
    }
    let mut admin = Session::open(&test.superuser_url()).await;
    let end = Instant::now() + PATIENCE;
    loop {
        let open: i64 = admin
            .value(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                 AND state LIKE 'idle in transaction%'",
            )
            .await;
        if open == 0 {
            break;
        }
        assert!(Instant::now() < end, "{open} transactions are still open");
        sleep(Duration::from_millis(20)).await;
    }
    let mut tx = db.read_tx(tenant(2)).await.expect("a transaction");
    let seen = sqlx::Executor::fetch_all(&mut *tx, "SELECT * FROM es.events").await;
    assert!(seen.expect("reads").is_empty());
    tx.rollback().await.expect("rolled back");
    db.close().await;
}
