//! A seeded simulator of Simpul.
//!
//! One scheduler drives the product's own decisions and state machines in a world that fails: a database, a broker,
//! routers, a gateway, a messenger, clocks and processes. A seed decides what happens and in which order; it draws a
//! swarm of [`faults`], and the same seed always does the same. After every step the [`check`] must hold, and when
//! the faults have ended everything must [`settle`].
//!
//! - [`stage`]: the scheduler; [`world`]: time, processes and models;
//! - [`model`]: what the product stands on; [`cast`]: who acts;
//! - [`run()`]: one seed; [`many`]: many; [`minimise()`]: a smaller failing one;
//! - [`plant`]: bugs on purpose, to prove that they are found.
//!
//! INVARIANT: one thread, ordered maps, no clock and no random numbers but the seed's. Deliberately not here: SQL,
//! wire formats and real time, which the end-to-end tests kill and repeat.

pub mod cast;
pub mod check;
pub mod faults;
pub mod many;
pub mod minimise;
pub mod model;
pub mod news;
pub mod plant;
pub mod rng;
pub mod run;
pub mod settle;
pub mod stage;
pub mod trace;
pub mod world;

pub use many::{Summary, run_many};
pub use minimise::minimise;
pub use run::{Options, Outcome, run};
