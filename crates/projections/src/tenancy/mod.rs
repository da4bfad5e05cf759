//! Operators.

pub mod tenant;
