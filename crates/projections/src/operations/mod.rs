//! What people have the product do for many things at once.

pub mod job_list;
