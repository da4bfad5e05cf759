//! Provisioning as convergence: "bring this subscription on its router to at least version n".
//!
//! [`consumer::Provisioning`] turns subscription events into wishes on lanes. [`worker::Provisioner`] leases lanes and
//! drives [`converge::Machine`] against a router: read what is wanted now, look, change only what differs and only
//! what carries our marker, look again, end old sessions, and report the proof.
//!
//! INVARIANT: a read that failed is "unknown" and changes nothing (Property 68). What is wanted is read anew in every
//! run, so a stale version never wins and outages leave no queue of old commands (Property 67). Deliberately not
//! here: router set-up (profiles, walled garden), which the operator does once; of a plan's profile only the copy that
//! lists its sessions is made ([`listing`]).

pub mod consumer;
pub mod converge;
pub mod diff;
pub mod listing;
pub mod ports;
pub mod router;
pub mod visit;
pub mod worker;

pub use self::{
    consumer::Provisioning,
    ports::{Failure, Introduction, Ports, Proof, Reach, Wanted},
    worker::{Provisioner, Settings},
};

/// Kind of the lanes.
pub const LANE: &str = "provisioning";
