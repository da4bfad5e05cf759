//! What is sold.

pub mod plan_list;
