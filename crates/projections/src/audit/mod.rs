//! What happened, by whom, when and why.

pub mod explain;
pub mod history;
