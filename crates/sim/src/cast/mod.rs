//! Who acts: the tasks of a process of the product, and the people and companies around it.
//!
//! The decisions are the product's own: aggregates, policies, and the state machines of its loops. A task performs
//! what they ask for, in the order in which the product's drivers do, on models, and gives way between any two
//! effects.

pub mod accounting;
pub(crate) mod api;
pub mod command;
pub(crate) mod consumer;
mod delivery;
pub(crate) mod feed;
mod intake;
mod lanes;
mod looping;
mod mending;
pub mod nas;
pub mod outside;
mod policies;
mod polling;
mod rounds;
pub(crate) mod services;
pub(crate) mod use_case;
pub mod visitors;
mod work;

pub use mending::menders;

use crate::stage::Seat;

/// Everybody who follows the log.
pub fn subscribers() -> [&'static str; 3] {
    [policies::POLICIES, feed::RELAY, services::PROJECTOR]
}

/// Starts everything that one process runs.
pub fn boot(seat: &Seat) {
    seat.spawn("policies", policies::run);
    seat.spawn("relay", feed::relay);
    seat.spawn("projector", services::run);
    seat.spawn("consumer", consumer::run);
    seat.spawn("dead", consumer::dead);
    seat.spawn("lanes", lanes::run);
    seat.spawn("delivery", delivery::run);
    seat.spawn("notices", intake::notices);
    seat.spawn("timers", intake::timers);
    seat.spawn("rounds", rounds::run);
}
