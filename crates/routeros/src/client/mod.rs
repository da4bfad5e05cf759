//! One session with one router.
//!
//! [`Session`] is the protocol as a state machine without I/O or clock: tags, login, deadlines, cancelling.
//! [`Client`] is a thin tokio shell around it. The socket comes from outside ([`Client::over`],
//! [`Client::connect`]), so that the guard of outbound traffic stays the only one who opens sockets.
//!
//! INVARIANT: an answer is whole or an error. Rows of a print that ended in a refusal, a deadline or a lost
//! connection are never handed out, because a reconciliation that believes them would delete customers.
//!
//! Not here: reconnecting, pools, circuit breakers. Hold one client per router and do not send two writes for the
//! same object at once; the router may run them in any order.

mod api;
mod capabilities;
mod command;
mod connect;
mod ensure;
mod error;
mod row;
mod session;
mod shell;

pub use api::Client;
pub use capabilities::{Capabilities, RouterIdentity, Version};
pub use command::{Command, Query};
pub use connect::{DialError, Endpoint, Options, Security, Timing, observe_certificate};
pub use ensure::{Desired, Ensured, ensure};
pub use error::{Applied, Error, Trap, TrapClass, Waiting};
pub use row::{Answer, Row};
pub(crate) use session::challenge_response;
pub use session::{CommandId, Deadline, Effect, Input, Login, MAX_ANSWER_BYTES, Session, SessionOptions};
