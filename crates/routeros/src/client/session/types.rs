//! What goes into a session and what comes out.

use std::time::Duration;

use crate::client::{Answer, Command, Error};

/// Names a command of the caller.
pub type CommandId = u64;

/// The most bytes of all rows of one answer: 256 MiB.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;

/// When a command has taken too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// From the sending, or from the last row, to the next sign of progress.
    pub progress: Duration,
    /// From the sending to the end, if there is a limit.
    pub total: Option<Duration>,
}

impl Deadline {
    /// One limit for the whole command.
    pub const fn within(total: Duration) -> Self {
        Self {
            progress: total,
            total: Some(total),
        }
    }

    /// For prints: every row renews it.
    pub const fn progress(progress: Duration) -> Self {
        Self {
            progress,
            total: None,
        }
    }
}

/// Times of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    /// For the whole login.
    pub login: Duration,
    /// From a cancel to the end of the cancelled command.
    pub cancel_grace: Duration,
    /// After this much silence an idle session asks the router for its name; `None` never does.
    pub probe_after: Option<Duration>,
    /// How long the router may take to answer that question.
    pub probe_deadline: Duration,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            login: Duration::from_secs(5),
            cancel_grace: Duration::from_secs(2),
            probe_after: Some(Duration::from_secs(30)),
            probe_deadline: Duration::from_secs(5),
        }
    }
}

/// What happens to a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// Bytes arrived.
    Received(&'a [u8]),
    /// The peer closed, or the transport failed.
    Ended(Error),
    /// A new command.
    Submit {
        /// The caller's name for it.
        id: CommandId,
        /// The command.
        command: &'a Command,
        /// Its deadline.
        deadline: Deadline,
    },
    /// The caller no longer wants the answer.
    Abandon(CommandId),
    /// The time passed; see [`super::Session::next_deadline`].
    Tick,
}

/// What the session wants done, in order.
#[derive(Debug)]
pub enum Effect {
    /// Send these bytes.
    Write(Vec<u8>),
    /// The login succeeded.
    Ready,
    /// A command ended.
    Finish(CommandId, Result<Answer, Error>),
    /// Close the connection; nothing more will come. Given once.
    Close(Error),
}
