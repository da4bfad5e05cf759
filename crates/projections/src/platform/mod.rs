//! The platform's own view: its tenants as customers, and what it offers them. Rows of the platform's tenant.

pub mod account_list;
pub mod backup_list;
pub mod offers;
