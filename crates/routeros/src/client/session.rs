//! The session as a state machine: inputs in, effects out, the time given by the caller.
//!
//! Life: login (one untagged command at a time) → ready (tagged commands, any number at once) → closed. A command
//! whose deadline passes is cancelled; if the router does not end it within the grace, the session is closed,
//! because nobody knows any more what the router is doing.

mod login;
mod pending;
mod types;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Command, Error, Trap, Waiting};
use crate::codec::{Decoder, Limits, Reply, ReplyKind};
pub use login::Login;
pub(crate) use login::challenge_response;
use login::{LoginState, LoginStep};
use pending::{Owner, Pending};
pub use types::{CommandId, Deadline, Effect, Input, MAX_ANSWER_BYTES, SessionOptions};

enum Phase {
    LoggingIn { state: LoginState, until: Instant },
    Ready,
    Closed,
}

/// One session with one router.
pub struct Session {
    decoder: Decoder,
    phase: Phase,
    options: SessionOptions,
    pending: HashMap<Bytes, Pending>,
    next_tag: u64,
    last_heard: Instant,
    effects: VecDeque<Effect>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("ready", &matches!(self.phase, Phase::Ready))
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Starts the login. The effects are the first bytes to send.
    pub fn start(login: Login, options: SessionOptions, now: Instant) -> (Self, Vec<Effect>) {
        let (state, first) = LoginState::start(login);
        let mut session = Self {
            decoder: Decoder::new(Limits::BEFORE_LOGIN),
            phase: Phase::LoggingIn {
                state,
                until: now + options.login,
            },
            options,
            pending: HashMap::new(),
            next_tag: 1,
            last_heard: now,
            effects: VecDeque::new(),
        };
        session.write(&first.sentence().clone());
        let effects = session.effects.drain(..).collect();
        (session, effects)
    }

    /// Whether the login succeeded and the session lives.
    pub fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// Commands that have not ended.
    pub fn pending_commands(&self) -> usize {
        self.pending.len()
    }

    /// One step.
    pub fn step(&mut self, now: Instant, input: Input<'_>) -> Vec<Effect> {
        match input {
            Input::Received(bytes) => self.received(now, bytes),
            Input::Ended(error) => self.close(&error),
            Input::Submit {
                id,
                command,
                deadline,
            } => self.submit(now, id, command, deadline),
            Input::Abandon(id) => self.abandon(now, id),
            Input::Tick => self.tick(now),
        }
        self.effects.drain(..).collect()
    }

    /// When [`Input::Tick`] is due at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::LoggingIn { until, .. } => Some(*until),
            Phase::Closed => None,
            Phase::Ready if self.pending.is_empty() => {
                self.options.probe_after.map(|after| self.last_heard + after)
            }
            Phase::Ready => self.pending.values().map(Pending::due).min(),
        }
    }

    fn received(&mut self, now: Instant, bytes: &[u8]) {
        self.last_heard = now;
        self.decoder.push(bytes);
        while !matches!(self.phase, Phase::Closed) {
            match self.decoder.next_sentence() {
                Ok(None) => return,
                Ok(Some(sentence)) => match Reply::parse(&sentence) {
                    Ok(reply) => self.reply(now, reply),
                    Err(error) => self.close(&Error::Protocol(error.to_string())),
                },
                Err(error) => self.close(&error.into()),
            }
        }
    }

    fn reply(&mut self, now: Instant, reply: Reply) {
        tracing::trace!(?reply, "reply");
        match reply.kind {
            ReplyKind::Fatal => self.close(&Error::Fatal(reply.message())),
            ReplyKind::Unknown(ref word) => {
                tracing::debug!(word = %String::from_utf8_lossy(word), "unknown reply ignored");
            }
            _ if matches!(self.phase, Phase::LoggingIn { .. }) => self.login_reply(&reply),
            _ => self.command_reply(now, reply),
        }
    }

    fn login_reply(&mut self, reply: &Reply) {
        let Phase::LoggingIn { state, .. } = &mut self.phase else {
            return;
        };
        match state.reply(reply) {
            LoginStep::Wait => {}
            LoginStep::Send(command) => self.write(command.sentence()),
            LoginStep::Failed(error) => self.close(&error),
            LoginStep::LoggedIn => {
                self.phase = Phase::Ready;
                self.decoder.set_limits(Limits::SESSION);
                self.effects.push_back(Effect::Ready);
            }
        }
    }

    fn command_reply(&mut self, now: Instant, reply: Reply) {
        let Some(tag) = reply.tag.clone() else {
            if reply.kind == ReplyKind::Trap {
                self.close(&Trap::from_reply(&reply).into());
            }
            return;
        };
        let Some(pending) = self.pending.get_mut(&tag) else {
            tracing::debug!("reply for a command that has ended");
            return;
        };
        match reply.kind {
            ReplyKind::Row => pending.row(now, reply.attrs),
            ReplyKind::Trap => pending.trap(Trap::from_reply(&reply)),
            ReplyKind::Done => self.finish(&tag, reply),
            ReplyKind::Empty | ReplyKind::Fatal | ReplyKind::Unknown(_) => {}
        }
        if self.pending.get(&tag).is_some_and(Pending::is_over_size) {
            self.cancel(now, &tag);
        }
    }

    fn finish(&mut self, tag: &Bytes, reply: Reply) {
        let Some(pending) = self.pending.remove(tag) else {
            return;
        };
        if let Owner::Caller(id) = pending.owner {
            self.effects
                .push_back(Effect::Finish(id, pending.outcome(reply.attrs)));
        }
    }

    fn submit(&mut self, now: Instant, id: CommandId, command: &Command, deadline: Deadline) {
        if !self.is_ready() {
            self.effects.push_back(Effect::Finish(id, Err(Error::Closed)));
            return;
        }
        let mut bytes = Vec::new();
        let tag = self.fresh_tag();
        let sentence = command.sentence().clone().tagged(&tag);
        if let Err(error) = sentence.encode(&mut bytes) {
            self.effects.push_back(Effect::Finish(id, Err(error.into())));
            return;
        }
        tracing::trace!(?sentence, "command");
        self.pending
            .insert(tag, Pending::new(Owner::Caller(id), now, deadline));
        self.effects.push_back(Effect::Write(bytes));
    }

    fn abandon(&mut self, now: Instant, id: CommandId) {
        let tag = self
            .pending
            .iter()
            .find(|(_, pending)| pending.owner == Owner::Caller(id));
        if let Some(tag) = tag.map(|(tag, _)| tag.clone()) {
            self.cancel(now, &tag);
        }
    }

    fn tick(&mut self, now: Instant) {
        if let Phase::LoggingIn { until, .. } = &self.phase
            && *until <= now
        {
            self.close(&Error::Timeout(Waiting::Login));
            return;
        }
        if !self.is_ready() {
            return;
        }
        let due: Vec<Bytes> = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.due() <= now)
            .map(|(tag, _)| tag.clone())
            .collect();
        for tag in due {
            match self.pending.get(&tag) {
                Some(pending) if pending.is_cancelled() => {
                    return self.close(&Error::Timeout(Waiting::Cancel));
                }
                Some(pending) if pending.owner != Owner::Session => self.cancel(now, &tag),
                Some(_) => return self.close(&Error::Timeout(Waiting::Session)),
                None => {}
            }
        }
        self.probe(now);
    }

    fn probe(&mut self, now: Instant) {
        let Some(after) = self.options.probe_after else {
            return;
        };
        if self.pending.is_empty() && self.last_heard + after <= now {
            let question = Command::new("/system/identity/print").proplist(&["name"]);
            self.send_own(now, &question, self.options.probe_deadline);
        }
    }

    fn cancel(&mut self, now: Instant, tag: &Bytes) {
        let Some(pending) = self.pending.get_mut(tag) else {
            return;
        };
        if pending.is_cancelled() {
            return;
        }
        pending.cancelled(now + self.options.cancel_grace);
        let cancel = Command::new("/cancel").with("tag", tag);
        self.send_own(now, &cancel, self.options.cancel_grace);
    }

    fn send_own(&mut self, now: Instant, command: &Command, within: Duration) {
        let tag = self.fresh_tag();
        self.pending.insert(
            tag.clone(),
            Pending::new(Owner::Session, now, Deadline::within(within)),
        );
        self.write(&command.sentence().clone().tagged(&tag));
    }

    fn fresh_tag(&mut self) -> Bytes {
        let tag = Bytes::from(self.next_tag.to_string());
        self.next_tag += 1;
        tag
    }

    fn write(&mut self, sentence: &crate::codec::Sentence) {
        let mut bytes = Vec::new();
        match sentence.encode(&mut bytes) {
            Ok(()) => self.effects.push_back(Effect::Write(bytes)),
            Err(error) => self.close(&error.into()),
        }
    }

    fn close(&mut self, reason: &Error) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        self.phase = Phase::Closed;
        let mut pending: Vec<_> = self.pending.drain().map(|(_, pending)| pending).collect();
        pending.sort_by_key(|pending| pending.owner);
        for pending in pending {
            if let Owner::Caller(id) = pending.owner {
                self.effects
                    .push_back(Effect::Finish(id, Err(pending.cut_off(reason))));
            }
        }
        self.effects.push_back(Effect::Close(reason.clone()));
    }
}
