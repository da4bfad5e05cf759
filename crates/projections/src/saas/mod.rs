//! The platform's bills as an operator sees them. The platform's own view of them is [`crate::billing::invoice_list`].

pub mod statement_list;
