//! Messages to customers.

pub mod message_list;
