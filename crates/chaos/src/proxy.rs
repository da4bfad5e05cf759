//! A TCP proxy that fails on purpose. What it holds back it delivers later, in order, as a network does.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinSet,
    time::sleep,
};

const CHUNK_BYTES: usize = 16 * 1024;

/// Where connections lead.
#[derive(Debug, Clone)]
pub enum Backend {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What happens to bytes on their way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// Before each piece, in each direction.
    pub delay: Duration,
    /// Largest piece in bytes; 0 for no limit.
    pub piece: usize,
    pub silence: Silence,
    /// Replies vanish for ever, and the connection ends with the next cut.
    pub swallows_replies: bool,
}

/// Which direction stands still, without any end of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Silence {
    #[default]
    None,
    /// Requests arrive and replies do not: half a connection.
    Replies,
    /// A black hole.
    Both,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// As a process that closes its socket.
    Fin,
    /// As a machine that knows nothing of the connection any more.
    Rst,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sky {
    weather: Weather,
    cuts: u64,
    how: Cut,
}

/// A proxy on loopback. Its connections end with it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    sky: watch::Sender<Sky>,
    backend: Arc<Mutex<Backend>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    pub async fn start(backend: Backend) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let sky = watch::Sender::new(Sky {
            weather: Weather::default(),
            cuts: 0,
            how: Cut::Fin,
        });
        let backend = Arc::new(Mutex::new(backend));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, sky.clone(), Arc::clone(&backend)));
        Ok(Self {
            address,
            sky,
            backend,
            _tasks: tasks,
        })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, for connections of before too.
    pub fn weather(&self, weather: Weather) {
        self.sky.send_modify(|sky| sky.weather = weather);
    }

    /// Ends every connection.
    pub fn cut(&self, how: Cut) {
        self.sky.send_modify(|sky| {
            sky.cuts += 1;
            sky.how = how;
        });
    }

    /// Where connections lead that begin from now on. Those of before stay where they are.
    pub fn lead_to(&self, backend: Backend) {
        *self.backend.lock().unwrap_or_else(PoisonError::into_inner) = backend;
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn accept(listener: TcpListener, sky: watch::Sender<Sky>, backend: Arc<Mutex<Backend>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        let backend = backend.lock().unwrap_or_else(PoisonError::into_inner).clone();
        connections.spawn(serve(client, backend, sky.subscribe()));
        while connections.try_join_next().is_some() {}
    }
}

async fn connect(backend: Backend) -> io::Result<Box<dyn Stream>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the network itself, not the product in it"
    )]
    Ok(match backend {
        Backend::Tcp(address) => Box::new(TcpStream::connect(address).await?),
        Backend::Unix(path) => Box::new(UnixStream::connect(path).await?),
    })
}

async fn serve(client: TcpStream, backend: Backend, mut sky: watch::Receiver<Sky>) {
    // A black hole swallows the first packet too.
    let open = sky
        .wait_for(|sky| sky.weather.silence != Silence::Both)
        .await
        .map(|sky| sky.cuts);
    let (Ok(begun), Ok(server)) = (open, connect(backend).await) else {
        // Dropped: whoever listens behind is away.
        return;
    };
    let _ = client.set_nodelay(true);
    let mut client = client;
    let how = {
        let (from_client, to_client) = split(&mut client);
        let (from_server, to_server) = split(server);
        tokio::select! {
            how = cut_since(begun, sky.clone()) => how,
            _ = async {
                tokio::join!(
                    pump(from_client, to_server, sky.clone(), |weather| weather.silence == Silence::Both, false),
                    pump(from_server, to_client, sky.clone(), |weather| weather.silence != Silence::None, true),
                )
            } => Cut::Fin,
        }
    };
    if how == Cut::Rst {
        let _ = client.set_zero_linger();
    }
}

async fn cut_since(begun: u64, mut sky: watch::Receiver<Sky>) -> Cut {
    match sky.wait_for(|sky| sky.cuts > begun).await {
        Ok(sky) => sky.how,
        Err(_) => Cut::Fin,
    }
}

/// Carries one direction until its end, and ends the other side's input with it.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut sky: watch::Receiver<Sky>,
    held: impl Fn(&Weather) -> bool,
    is_reply: bool,
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = match from.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        let mut rest = &chunk[..read];
        while !rest.is_empty() {
            let Ok(weather) = sky
                .wait_for(|sky| !held(&sky.weather))
                .await
                .map(|sky| sky.weather)
            else {
                return;
            };
            let (piece, after) = rest.split_at(match weather.piece {
                0 => rest.len(),
                limit => limit.min(rest.len()),
            });
            rest = after;
            if !weather.delay.is_zero() {
                sleep(weather.delay).await;
            }
            let swallowed = is_reply && weather.swallows_replies;
            if !swallowed && to.write_all(piece).await.is_err() {
                return;
            }
        }
    }
    // An end is held back like everything else.
    if sky.wait_for(|sky| !held(&sky.weather)).await.is_ok() {
        let _ = to.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SHORT: Duration = Duration::from_millis(150);
    const LONG: Duration = Duration::from_secs(10);

    /// A proxy before a server that says everything twice, and a client of it.
    async fn doubled() -> (Proxy, TcpStream, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).await.is_ok() {
                        let _ = stream.write_all(&[byte[0], byte[0]]).await;
                    }
                });
            }
        });
        let proxy = Proxy::start(Backend::Tcp(address)).await.expect("a proxy");
        let client = client_of(&proxy).await;
        (proxy, client, server)
    }

    #[expect(clippy::disallowed_methods, reason = "a client on loopback")]
    async fn client_of(proxy: &Proxy) -> TcpStream {
        TcpStream::connect(proxy.address()).await.expect("a connection")
    }

    async fn said(client: &mut TcpStream) -> io::Result<[u8; 2]> {
        let mut reply = [0; 2];
        client.read_exact(&mut reply).await.map(|_| reply)
    }

    #[tokio::test]
    async fn what_a_black_hole_holds_back_arrives_when_it_is_over() {
        let (proxy, mut client, _server) = doubled().await;
        for silence in [Silence::Both, Silence::Replies] {
            proxy.weather(Weather {
                silence,
                ..Weather::default()
            });
            client.write_all(b"x").await.expect("sent");
            assert!(timeout(SHORT, said(&mut client)).await.is_err(), "{silence:?}");
            proxy.weather(Weather::default());
            let reply = timeout(LONG, said(&mut client)).await.expect("in time");
            assert_eq!(reply.expect("a reply"), *b"xx");
        }
    }

    #[tokio::test]
    async fn a_swallowed_reply_never_arrives_and_a_cut_ends_every_connection_its_own_way() {
        let (proxy, mut client, _server) = doubled().await;
        proxy.weather(Weather {
            swallows_replies: true,
            ..Weather::default()
        });
        client.write_all(b"x").await.expect("sent");
        assert!(timeout(SHORT, said(&mut client)).await.is_err());
        proxy.cut(Cut::Rst);
        let ended = timeout(LONG, said(&mut client)).await.expect("in time");
        assert_eq!(ended.expect_err("cut").kind(), io::ErrorKind::ConnectionReset);
        proxy.weather(Weather::default());
        let mut client = client_of(&proxy).await;
        client.write_all(b"y").await.expect("sent");
        assert_eq!(said(&mut client).await.expect("a reply"), *b"yy");
        proxy.cut(Cut::Fin);
        let ended = timeout(LONG, said(&mut client)).await.expect("in time");
        assert_eq!(ended.expect_err("cut").kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn pieces_and_delays_change_nothing_of_what_is_said() {
        let (proxy, mut client, _server) = doubled().await;
        proxy.weather(Weather {
            delay: Duration::from_millis(1),
            piece: 1,
            ..Weather::default()
        });
        client.write_all(b"abc").await.expect("sent");
        for expected in [b"aa", b"bb", b"cc"] {
            assert_eq!(said(&mut client).await.expect("a reply"), *expected);
        }
    }

    #[tokio::test]
    async fn new_connections_lead_where_they_are_told_and_old_ones_stay() {
        let (proxy, mut old, _server) = doubled().await;
        old.write_all(b"o").await.expect("sent");
        assert_eq!(said(&mut old).await.expect("a reply"), *b"oo");
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        proxy.lead_to(Backend::Tcp(silent.local_addr().expect("an address")));
        let mut new = client_of(&proxy).await;
        new.write_all(b"n").await.expect("sent");
        let (mut taken, _) = timeout(LONG, silent.accept())
            .await
            .expect("in time")
            .expect("a connection");
        let mut byte = [0];
        taken.read_exact(&mut byte).await.expect("what was sent");
        assert_eq!(byte, *b"n");
        old.write_all(b"p").await.expect("sent");
        assert_eq!(said(&mut old).await.expect("a reply"), *b"pp");
    }
}
