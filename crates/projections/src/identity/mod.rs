//! Users and roles.

pub mod role_list;
pub mod user_list;
