//! The task that moves bytes, time and commands between a stream and a [`Session`].

use std::collections::HashMap;
use std::time::Instant;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::{Answer, Command, CommandId, Deadline, Effect, Error, Input, Session};
use crate::transport::{sleep_until, write_some};

/// Commands that may be under way on one connection; more wait in the queue.
const MAX_IN_FLIGHT: usize = 64;
const READ_BYTES: usize = 16 * 1024;

pub(super) enum Request {
    Submit {
        id: CommandId,
        command: Command,
        deadline: Deadline,
        answer: oneshot::Sender<Result<Answer, Error>>,
    },
    Abandon(CommandId),
}

enum Event {
    Received(usize),
    Written,
    Failed(Error),
    Request(Option<Request>),
    Tick,
}

/// One connection and everything that waits on it.
pub(super) struct Driver<S> {
    stream: S,
    session: Session,
    inbox: mpsc::Receiver<Request>,
    waiting: HashMap<CommandId, oneshot::Sender<Result<Answer, Error>>>,
    ready: Option<oneshot::Sender<Result<(), Error>>>,
    outbound: BytesMut,
    flushed: bool,
    received: BytesMut,
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(super) fn new(
        stream: S,
        session: Session,
        inbox: mpsc::Receiver<Request>,
        ready: oneshot::Sender<Result<(), Error>>,
    ) -> Self {
        Self {
            stream,
            session,
            inbox,
            waiting: HashMap::new(),
            ready: Some(ready),
            outbound: BytesMut::new(),
            flushed: true,
            received: BytesMut::with_capacity(READ_BYTES),
        }
    }

    /// Runs until the session closes or every client handle is gone.
    pub(super) async fn run(mut self, first: Vec<Effect>) {
        let mut open = self.perform(first);
        while open {
            let event = self.next_event().await;
            open = match event {
                Event::Received(0) => self.step(Input::Ended(Error::Closed)),
                Event::Received(_) => {
                    let bytes = self.received.split();
                    self.step(Input::Received(&bytes))
                }
                Event::Written => true,
                Event::Failed(error) => self.step(Input::Ended(error)),
                Event::Tick => self.step(Input::Tick),
                Event::Request(Some(request)) => self.request(request),
                Event::Request(None) => false,
            };
        }
        // The peer learns of the end at once; whether it hears it does not matter.
        let _ = self.stream.shutdown().await;
    }

    async fn next_event(&mut self) -> Event {
        let deadline = self.session.next_deadline().map(tokio::time::Instant::from_std);
        let has_room = self.session.pending_commands() < MAX_IN_FLIGHT && self.session.is_ready();
        let has_output = !self.outbound.is_empty() || !self.flushed;
        let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
        self.received.reserve(READ_BYTES);
        tokio::select! {
            read = reader.read_buf(&mut self.received) => match read {
                Ok(bytes) => Event::Received(bytes),
                Err(error) => Event::Failed(Error::from_io(&error)),
            },
            written = write_some(&mut writer, &mut self.outbound, &mut self.flushed), if has_output => match written {
                Ok(()) => Event::Written,
                Err(error) => Event::Failed(Error::from_io(&error)),
            },
            request = self.inbox.recv(), if has_room => Event::Request(request),
            () = sleep_until(deadline) => Event::Tick,
        }
    }

    fn request(&mut self, request: Request) -> bool {
        match request {
            Request::Submit {
                id,
                command,
                deadline,
                answer,
            } => {
                self.waiting.insert(id, answer);
                self.step(Input::Submit {
                    id,
                    command: &command,
                    deadline,
                })
            }
            Request::Abandon(id) => {
                self.waiting.remove(&id);
                self.step(Input::Abandon(id))
            }
        }
    }

    fn step(&mut self, input: Input<'_>) -> bool {
        let effects = self.session.step(now(), input);
        self.perform(effects)
    }

    /// Whether the connection stays open.
    fn perform(&mut self, effects: Vec<Effect>) -> bool {
        for effect in effects {
            match effect {
                Effect::Write(bytes) => self.outbound.extend_from_slice(&bytes),
                Effect::Ready => {
                    if let Some(ready) = self.ready.take() {
                        let _ = ready.send(Ok(()));
                    }
                }
                Effect::Finish(id, result) => {
                    if let Some(answer) = self.waiting.remove(&id) {
                        let _ = answer.send(result);
                    }
                }
                Effect::Close(error) => {
                    if let Some(ready) = self.ready.take() {
                        let _ = ready.send(Err(error));
                    }
                    return false;
                }
            }
        }
        true
    }
}
