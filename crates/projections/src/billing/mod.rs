//! Bills, attempts to pay them, and money.

pub mod attempt_list;
pub mod income;
pub mod invoice_list;
pub mod money;
mod money_fold;
mod money_rows;
pub mod payers;
pub mod router_income;
