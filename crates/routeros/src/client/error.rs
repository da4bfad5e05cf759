//! What can go wrong between us and a router, classified by what the caller can do about it.

use std::fmt;
use std::io;

use crate::codec::{CodecError, EncodeError, Reply};
use crate::tls::PinMismatch;

/// A refusal as the router wrote it. The texts are no stable interface: keep them, and decide by reading back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// 0 missing item, 1 argument, 2 interrupted, 3 script, 4 general, 5 API, 6 terminal, 7 return value; often absent.
    pub category: Option<u8>,
    /// The text, for people.
    pub message: String,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrapClass {
    /// Wrong user or password.
    AuthFailed,
    /// The user's group may not do this.
    PermissionDenied,
    /// An object with this key exists.
    AlreadyExists,
    /// The object does not exist.
    NotFound,
    /// This router has no such menu or command.
    Unsupported,
    /// A referenced object, such as a profile, does not exist.
    BadReference,
    /// A parameter is unknown or its value is not valid.
    BadArgument,
    /// The command was cancelled.
    Cancelled,
    /// Anything else; permanent until something changes.
    Rejected,
}

impl Trap {
    pub(crate) fn from_reply(reply: &Reply) -> Self {
        let category = reply.text("category").and_then(|category| category.parse().ok());
        Self {
            category,
            message: reply.message(),
        }
    }

    /// Reads the text as routers of all versions have written it.
    pub fn class(&self) -> TrapClass {
        let text = self.message.to_lowercase();
        let has = |part: &str| text.contains(part);
        if has("invalid user name or password") || has("cannot log in") {
            TrapClass::AuthFailed
        } else if has("not enough permissions") {
            TrapClass::PermissionDenied
        } else if has("already have")
            || has("already exists")
            || has("with the same name")
            || has("with such name")
        {
            TrapClass::AlreadyExists
        } else if has("no such item") {
            TrapClass::NotFound
        } else if has("no such command") {
            TrapClass::Unsupported
        } else if has("input does not match any value") {
            TrapClass::BadReference
        } else if self.category == Some(2) || text.starts_with("interrupted") {
            TrapClass::Cancelled
        } else if has("invalid value")
            || has("unknown parameter")
            || has("expected end of command")
            || has("missing value")
        {
            TrapClass::BadArgument
        } else {
            TrapClass::Rejected
        }
    }
}

/// Whether a failed write may have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It did not.
    No,
    /// Nobody knows: read back before anything else.
    Unknown,
}

/// What was waited for when the time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The dialer.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// The login.
    Login,
    /// The command, which was cancelled then.
    Command,
    /// The end of another command after its cancel; the session was closed.
    Cancel,
    /// The answer to a probe of the session; it was closed.
    Session,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Handshake => "the TLS handshake",
            Self::Login => "the login",
            Self::Command => "the command",
            Self::Cancel => "the end of a cancelled command",
            Self::Session => "the session's probe",
        })
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The router does not accept user and password. Do not retry: it may blacklist us.
    #[error("the router refuses the login: {0}")]
    AuthFailed(Trap),
    /// The user's group may not do this.
    #[error("the router's user lacks a permission: {0}")]
    PermissionDenied(Trap),
    /// An object with this key exists.
    #[error("the object exists already: {0}")]
    AlreadyExists(Trap),
    /// The object does not exist.
    #[error("the object does not exist: {0}")]
    NotFound(Trap),
    /// This router has no such menu or command: a missing package or another version.
    #[error("the router does not know this command: {0}")]
    Unsupported(Trap),
    /// A referenced object, such as a profile, does not exist.
    #[error("a referenced object does not exist: {0}")]
    BadReference(Trap),
    /// A parameter is unknown or its value is not valid.
    #[error("the router refuses an argument: {0}")]
    BadArgument(Trap),
    /// The command was cancelled.
    #[error("the command was cancelled: {0}")]
    Cancelled(Trap),
    /// Any other refusal.
    #[error("the router refuses: {0}")]
    Rejected(Trap),
    /// The router asked for the login of versions before 6.43, which is not allowed for it.
    #[error("the router asks for the legacy login, which is not allowed for it")]
    LegacyLoginNotAllowed,
    /// The router ended the session with a reason.
    #[error("the router ended the session: {0}")]
    Fatal(String),
    /// Nothing listens there.
    #[error("the connection was refused")]
    Refused,
    /// There is no way to the address.
    #[error("the address cannot be reached")]
    Unreachable,
    /// The name cannot be resolved.
    #[error("the name cannot be resolved: {0}")]
    Dns(String),
    /// The guard of outbound traffic does not allow this destination.
    #[error("the destination is not allowed: {0}")]
    NotAllowed(String),
    /// No answer in time.
    #[error("no answer in time: {0}")]
    Timeout(Waiting),
    /// The TLS handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    /// The certificate is not the pinned one.
    #[error(transparent)]
    PinMismatch(#[from] PinMismatch),
    /// The connection ended.
    #[error("the connection is closed")]
    Closed,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(io::ErrorKind),
    /// The peer does not speak the protocol.
    #[error("the peer broke the protocol: {0}")]
    Protocol(String),
    /// The answer is larger than allowed.
    #[error("the answer has more than {limit_bytes} bytes")]
    AnswerTooLong {
        /// The limit in force.
        limit_bytes: usize,
    },
    /// The command cannot be sent.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A row with our key carries someone else's comment and was not touched.
    #[error("the row {id} does not carry our marker and is left alone")]
    NotOurs {
        /// The row's id.
        id: String,
    },
    /// The read-back after a change does not show what was written.
    #[error("the router did not keep what was written: {properties:?} differ")]
    NotKept {
        /// Names of the properties that differ.
        properties: Vec<String>,
    },
}

impl Error {
    /// Whether a failed write may have taken effect.
    pub fn applied(&self) -> Applied {
        match self {
            Self::Timeout(Waiting::Command | Waiting::Cancel | Waiting::Session)
            | Self::Closed
            | Self::Io(_)
            | Self::Protocol(_)
            | Self::Fatal(_)
            | Self::Cancelled(_)
            | Self::AnswerTooLong { .. }
            | Self::NotKept { .. } => Applied::Unknown,
            _ => Applied::No,
        }
    }

    /// Whether the same attempt may succeed later without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Refused
                | Self::Unreachable
                | Self::Dns(_)
                | Self::Timeout(_)
                | Self::Closed
                | Self::Io(_)
                | Self::Fatal(_)
                | Self::Cancelled(_)
        )
    }

    pub(crate) fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::Timeout(Waiting::Connect),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::Unreachable,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Self::Closed,
            kind => Self::Io(kind),
        }
    }
}

impl From<Trap> for Error {
    fn from(trap: Trap) -> Self {
        match trap.class() {
            TrapClass::AuthFailed => Self::AuthFailed(trap),
            TrapClass::PermissionDenied => Self::PermissionDenied(trap),
            TrapClass::AlreadyExists => Self::AlreadyExists(trap),
            TrapClass::NotFound => Self::NotFound(trap),
            TrapClass::Unsupported => Self::Unsupported(trap),
            TrapClass::BadReference => Self::BadReference(trap),
            TrapClass::BadArgument => Self::BadArgument(trap),
            TrapClass::Cancelled => Self::Cancelled(trap),
            TrapClass::Rejected => Self::Rejected(trap),
        }
    }
}

impl From<CodecError> for Error {
    fn from(error: CodecError) -> Self {
        Self::Protocol(error.to_string())
    }
}
