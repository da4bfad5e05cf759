//! Local stand-ins for the outside world: development mode shows every flow working, tests see every misbehaviour.
//!
//! A stand-in speaks the documented protocol, checks what the real one checks, and misbehaves on command: through
//! its Rust handle, or over HTTP under `/control`. It listens on this machine only and is compiled in by the cargo
//! feature `standin`. What leaves it goes through the egress guard in development mode.

mod fault;
pub mod fonnte;
mod server;
pub mod tripay;

pub use fault::Fault;
pub use server::StandInError;
