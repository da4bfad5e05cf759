//! Messengers: one client per driver, all behind `simpul_domain::messaging::sender::MessageSender`; and the texts.
//!
//! A driver hands one message over and says honestly what came of it. It never tries again and never falls over to
//! another driver: when the answer is lost, a second copy would be a duplicate.

pub mod fonnte;
pub mod templates;

pub use fonnte::{Fonnte, FonnteConfig};
