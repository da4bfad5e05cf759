//! Operators.

pub mod order_list;
pub mod tenant;
pub mod usage_days;
