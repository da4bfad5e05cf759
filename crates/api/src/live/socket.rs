//! The loop around one socket: frames in, effects out, each operation a task of its own.
//!
//! All operations put their answers into one short queue that serves them in turn, so that a busy stream delays the
//! others by a turn and a slow client delays its own streams only.

use std::{collections::HashMap, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::{Map, Value};
use simpul_event_store::ConsistencyToken;
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::Instant,
};

use super::{
    LAST_WORDS,
    protocol::{Answer, Effect, Input, Key, Moment, Protocol, Refusal},
    run::{self, Client, Outlet},
    sockets::Seat,
};
use crate::{
    engine::Operation,
    http::{Door, Origin, SignedIn},
};

/// The subprotocol that is spoken; the older `graphql-ws` is not.
pub(crate) const PROTOCOL: &str = "graphql-transport-ws";
/// Largest message of a client.
pub(crate) const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// Answers that wait for the socket.
const QUEUE: usize = 64;
const TICK: Duration = Duration::from_millis(500);
/// How long the socket may take for one frame, and for the closing handshake.
const SEND_DEADLINE: Duration = Duration::from_secs(30);
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// Serves a socket until it ends.
pub(crate) async fn serve(socket: WebSocket, door: Door, origin: Origin, request_id: String) {
    let (sender, answers) = mpsc::channel(QUEUE);
    let connection = Connection {
        socket,
        door,
        origin,
        request_id,
        protocol: Protocol::new(),
        opened: Instant::now(),
        signed_in: None,
        answers: sender,
        running: JoinSet::new(),
        operations: HashMap::new(),
    };
    connection.serve(answers).await;
}

/// Whose socket it is.
#[derive(Debug)]
struct Seated {
    caller: SignedIn,
    token: Option<ConsistencyToken>,
    _seat: Seat,
}

struct Connection {
    socket: WebSocket,
    door: Door,
    origin: Origin,
    request_id: String,
    protocol: Protocol,
    opened: Instant,
    signed_in: Option<Seated>,
    answers: mpsc::Sender<(Key, Answer)>,
    running: JoinSet<()>,
    operations: HashMap<Key, AbortHandle>,
}

/// The socket is closed or gone.
struct Ended;

impl Connection {
    async fn serve(mut self, mut answers: mpsc::Receiver<(Key, Answer)>) {
        let stop = self.door.shared.state.stop.clone();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            let input = tokio::select! {
                () = stop.cancelled() => {
                    if self.hear_out(&mut answers).await.is_err() {
                        return;
                    }
                    Input::Drain
                }
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => Input::Text(text.as_str().to_owned()),
                    Some(Ok(Message::Binary(_))) => Input::Binary,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => Input::Heard,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                },
                Some((key, answer)) = answers.recv() => Input::Answer(key, answer),
                _ = ticks.tick() => Input::Tick,
            };
            if self.take(input).await.is_err() {
                return;
            }
            while self.running.try_join_next().is_some() {}
        }
    }

    /// Streams say where they are before the server stops.
    async fn hear_out(&mut self, answers: &mut mpsc::Receiver<(Key, Answer)>) -> Result<(), Ended> {
        let until = Instant::now() + LAST_WORDS;
        while !self.operations.is_empty()
            && let Ok(Some((key, answer))) = tokio::time::timeout_at(until, answers.recv()).await
        {
            self.take(Input::Answer(key, answer)).await?;
        }
        Ok(())
    }

    /// One step and everything that follows from it.
    async fn take(&mut self, input: Input) -> Result<(), Ended> {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let at = Moment {
                elapsed: self.opened.elapsed(),
                now: self.door.shared.state.store().now(),
            };
            for effect in self.protocol.step(input, at) {
                inputs.extend(self.perform(effect).await?);
            }
        }
        Ok(())
    }

    async fn perform(&mut self, effect: Effect) -> Result<Option<Input>, Ended> {
        match effect {
            Effect::Send(text) => self.send(Message::Text(text.into())).await?,
            Effect::Ping => self.send(Message::Ping(axum::body::Bytes::new())).await?,
            Effect::SignIn(payload) => return Ok(Some(Input::SignedIn(self.sign_in(&payload).await))),
            Effect::Start(key, payload) => self.start(key, payload),
            Effect::Stop(key) => {
                if let Some(task) = self.operations.remove(&key) {
                    task.abort();
                }
            }
            Effect::Recheck => return Ok(Some(Input::Rechecked(self.still_stands().await))),
            Effect::Close(code, reason) => {
                self.close(code, reason).await;
                return Err(Ended);
            }
        }
        Ok(None)
    }

    async fn send(&mut self, message: Message) -> Result<(), Ended> {
        match tokio::time::timeout(SEND_DEADLINE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ended),
        }
    }

    /// Says why, and waits for the peer to agree: a connection that is cut looks like a fault to its client.
    async fn close(&mut self, code: u16, reason: &'static str) {
        tracing::debug!(code, reason, "a socket is closed");
        self.running.abort_all();
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let farewell = async {
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        // Whoever does not answer is left.
        let _ = tokio::time::timeout(CLOSE_DEADLINE, farewell).await;
    }

    async fn sign_in(
        &mut self,
        payload: &Map<String, Value>,
    ) -> Result<chrono::DateTime<chrono::Utc>, Refusal> {
        let text = |name: &str| {
            let named = payload.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            named.and_then(|(_, value)| value.as_str())
        };
        let credentials = text("authorization").ok_or(Refusal::Forbidden)?;
        let caller = self.door.sign_in(credentials).await;
        let caller = caller.ok().filter(|caller| !caller.standing.disabled);
        let caller = caller.ok_or(Refusal::Forbidden)?;
        let shared = &self.door.shared;
        let seat = shared.sockets.sit(&shared.state, caller.viewer).await;
        let seat = seat.ok_or(Refusal::TooManySockets)?;
        let until = caller.until;
        self.signed_in = Some(Seated {
            caller,
            token: text("x-consistency-token").and_then(|token| token.parse().ok()),
            _seat: seat,
        });
        Ok(until)
    }

    async fn still_stands(&mut self) -> bool {
        let Some(signed_in) = &self.signed_in else {
            return false;
        };
        let stands = signed_in.caller.still_stands(&self.door.shared.state).await;
        // The database is away: that says nothing about the viewer.
        stands.unwrap_or(true)
    }

    fn start(&mut self, key: Key, payload: Value) {
        let mut outlet = Turn {
            key,
            answers: self.answers.clone(),
        };
        let Some(signed_in) = &self.signed_in else {
            return;
        };
        let client = Client {
            signed_in: signed_in.caller.clone(),
            origin: self.origin.clone(),
            request_id: format!("{}.{key}", self.request_id),
            token: signed_in.token,
        };
        let door = self.door.clone();
        let task = self.running.spawn(async move {
            match Operation::from_value(&payload) {
                Ok(operation) => run::run(&door, client, operation, &mut outlet).await,
                Err(error) => {
                    let errors = run::errors(&error, &client.asker());
                    outlet.put(Answer::Failed(errors)).await;
                }
            }
        });
        self.operations.insert(key, task);
    }
}

/// An operation's place in the queue.
struct Turn {
    key: Key,
    answers: mpsc::Sender<(Key, Answer)>,
}

impl Outlet for Turn {
    async fn put(&mut self, answer: Answer) -> bool {
        self.answers.send((self.key, answer)).await.is_ok()
    }
}
