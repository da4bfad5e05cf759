//! Operators.

pub mod order_list;
pub mod tenant;
