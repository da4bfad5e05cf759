//! End customers.

pub mod customer_list;
