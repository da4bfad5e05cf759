//! Accepting connections and moving bytes between them and a [`Conversation`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use rustls::ServerConfig as TlsConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::config::Certificate;
use super::conversation::Conversation;
use super::faults::{Faults, Power};
use super::server::{Shared, StartError};
use crate::codec::{Decoder, Limits};
use crate::tls::Fingerprint;
use crate::transport::{sleep_until, write_some};

const READ_BYTES: usize = 16 * 1024;
const REBIND_PAUSE: Duration = Duration::from_millis(50);

static NEXT_SESSION: AtomicU64 = AtomicU64::new(1);

/// How accepted sockets are protected.
#[derive(Clone)]
pub(super) enum Acceptor {
    Plain,
    Tls(TlsAcceptor),
}

/// The certificate that is given, else one signed by its own key, as `RouterOS` makes them.
pub(super) fn certificate(given: Option<Certificate>) -> Result<(Acceptor, Fingerprint), StartError> {
    let certificate = if let Some(certificate) = given {
        certificate
    } else {
        let made = rcgen::generate_simple_self_signed(vec!["router.simulated".to_owned()])?;
        Certificate {
            der: made.cert.der().to_vec(),
            key: made.signing_key.serialize_der(),
        }
    };
    let fingerprint = Fingerprint::of_certificate(&certificate.der);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certificate.key));
    let config = TlsConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate.der)], key)?;
    Ok((Acceptor::Tls(TlsAcceptor::from(Arc::new(config))), fingerprint))
}

/// Accepts until the task is dropped. While the router is switched to refuse, nothing listens.
pub(super) async fn serve_sockets(
    shared: Arc<Shared>,
    listener: TcpListener,
    bound: SocketAddr,
    acceptor: Acceptor,
) {
    let mut faults = shared.switches.subscribe();
    let mut listener = Some(listener);
    let sessions = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    loop {
        if faults.borrow_and_update().power == Power::Refuse {
            listener = None;
            if faults.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(open) = &listener else {
            listener = TcpListener::bind(bound).await.ok();
            if listener.is_none() {
                tokio::time::sleep(REBIND_PAUSE).await;
            }
            continue;
        };
        tokio::select! {
            accepted = open.accept() => if let Ok((socket, _)) = accepted {
                let slot = Slot::take(&sessions, shared.session_limit);
                if let (Some(slot), Power::On) = (slot, shared.switches.current().power) {
                    connections.spawn(serve_socket(Arc::clone(&shared), socket, acceptor.clone(), slot));
                }
            },
            changed = faults.changed() => if changed.is_err() { return },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// One of the sessions that the service allows.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(sessions: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let taken = sessions.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
            (count < limit).then_some(count + 1)
        });
        taken.ok().map(|_| Self(Arc::clone(sessions)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

async fn serve_socket(shared: Arc<Shared>, socket: TcpStream, acceptor: Acceptor, slot: Slot) {
    let mut faults = shared.switches.subscribe();
    if faults.wait_for(|faults| !faults.freeze).await.is_err() {
        return;
    }
    // Small sentences must not wait for more; a router without this is only slower.
    let _ = socket.set_nodelay(true);
    match acceptor {
        Acceptor::Plain => serve(shared, socket).await,
        Acceptor::Tls(tls) => {
            if let Ok(socket) = tls.accept(socket).await {
                serve(shared, socket).await;
            }
        }
    }
    drop(slot);
}

/// Serves the connections that need no socket.
pub(super) async fn serve_in_memory(shared: Arc<Shared>, mut opened: mpsc::UnboundedReceiver<DuplexStream>) {
    let sessions = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            stream = opened.recv() => match stream {
                None => return,
                Some(stream) => if let Some(slot) = Slot::take(&sessions, shared.session_limit) {
                    let shared = Arc::clone(&shared);
                    connections.spawn(async move {
                        serve(shared, stream).await;
                        drop(slot);
                    });
                },
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(shared: Arc<Shared>, mut stream: S) {
    let id = NEXT_SESSION.fetch_add(1, Ordering::Relaxed);
    let mut connection = Connection {
        conversation: Conversation::new(id),
        decoder: Decoder::new(Limits::BEFORE_LOGIN),
        faults: shared.switches.subscribe(),
        outbound: BytesMut::new(),
        flushed: true,
        closing: false,
    };
    while connection.turn(&shared, &mut stream).await {}
    shared.router().api_sessions.remove(&id);
    // The client learns of the end by whatever arrives first.
    let _ = stream.shutdown().await;
}

struct Connection {
    conversation: Conversation,
    decoder: Decoder,
    faults: watch::Receiver<Faults>,
    outbound: BytesMut,
    flushed: bool,
    closing: bool,
}

impl Connection {
    /// One event; whether the connection goes on.
    async fn turn<S: AsyncRead + AsyncWrite + Unpin>(&mut self, shared: &Shared, stream: &mut S) -> bool {
        let (power, frozen) = {
            let faults = self.faults.borrow_and_update();
            (faults.power, faults.freeze)
        };
        if power != Power::On {
            return false;
        }
        if frozen {
            return self.faults.changed().await.is_ok();
        }
        self.collect(shared);
        let has_output = !self.outbound.is_empty() || !self.flushed;
        if self.closing && !has_output {
            return false;
        }
        let due = self.conversation.next_due().map(|due| shared.started + due);
        let mut received = BytesMut::with_capacity(READ_BYTES);
        let (mut reader, mut writer) = tokio::io::split(stream);
        let read = tokio::select! {
            read = reader.read_buf(&mut received), if !self.closing => read.ok(),
            written = write_some(&mut writer, &mut self.outbound, &mut self.flushed), if has_output => {
                return written.is_ok();
            }
            changed = self.faults.changed() => return changed.is_ok(),
            () = sleep_until(due) => return true,
        };
        match read {
            None | Some(0) => false,
            Some(_) => self.receive(shared, &received),
        }
    }

    fn collect(&mut self, shared: &Shared) {
        let output = self.conversation.poll(shared.now());
        for sentence in output.sentences {
            let mut bytes = Vec::new();
            if sentence.encode(&mut bytes).is_ok() {
                self.outbound.extend_from_slice(&bytes);
            }
        }
        self.closing |= output.close;
    }

    fn receive(&mut self, shared: &Shared, bytes: &[u8]) -> bool {
        self.decoder.push(bytes);
        loop {
            match self.decoder.next_sentence() {
                Ok(None) => return true,
                Err(_) => return false,
                Ok(Some(sentence)) => {
                    let now = shared.now();
                    let mut router = shared.router();
                    shared.switches.quietly(|faults| {
                        self.conversation.receive(&mut router, faults, now, &sentence);
                    });
                    if self.conversation.is_logged_in() {
                        self.decoder.set_limits(Limits::SESSION);
                    }
                }
            }
        }
    }
}

/// One line in, one line out: `ok <status>` or `error <reason>`.
pub(super) async fn serve_control(shared: Arc<Shared>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((socket, _)) = accepted {
                connections.spawn(control(Arc::clone(&shared), socket));
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn control(shared: Arc<Shared>, socket: TcpStream) {
    let (reader, mut writer) = socket.into_split();
    let mut lines = BufReader::new(reader.take(1024 * 1024)).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match shared.switches.apply_text(&line) {
            Ok(()) => format!("ok {}\n", shared.switches.current().status()),
            Err(error) => format!("error {error}\n"),
        };
        if writer.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
