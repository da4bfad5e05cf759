//! What a schema promises to its clients, and what becomes of it from one release to the next (`facts/graphql.md` 6.14, ADR 86).
//!
//! [`Contract`] is an SDL as a list of coordinates (`Invoice`, `Invoice.status`, `Query.invoice(id:)`, `InvoiceStatus.VOID`).
//! [`changes`] sorts whatever differs between two of them. [`unannounced`] are those that clients were not told of in
//! time, and [`broken_notices`] the deprecations that tell them too little.
//!
//! Pure: files and the day come from whoever asks. Descriptions are no promise; a permission and a price are.

mod compare;
mod notice;
mod read;

pub use self::{
    compare::{Change, Gravity, changes},
    notice::{broken_notices, unannounced, unreleased},
    read::Contract,
};

#[cfg(test)]
mod tests;
