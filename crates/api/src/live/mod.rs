//! Answers that keep coming: the log followed once per tenant ([`hub`]), and the two transports that carry it to
//! clients, WebSocket ([`protocol`], [`socket`]) and server-sent events ([`sse`]).
//!
//! INVARIANT: no queue here grows with what a slow client does not read. A stream waits until its socket takes its
//! answer; meanwhile it falls behind the hub's memory and reads the log itself; too far behind, it is told so.

mod hub;
pub(crate) mod protocol;
mod readings;
mod run;
pub(crate) mod socket;
mod sockets;
pub(crate) mod sse;

/// How long a connection is open when the server stops, for its streams to say where they are.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_millis(250);

pub(crate) use self::{
    hub::{Cursor, Hub, Start},
    readings::Readings,
    run::Client,
    sockets::Sockets,
};
