//! An operator's own texts of messages, for each kind and language; where there is none, the built-in one is sent (F224).
//!
//! A stream of its own: texts are long, and settings are read by every command. INVARIANT: what is written here was checked as a
//! template at the edge, by whoever can read templates (`simpul_adapters::messaging::templates`).

mod aggregate;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{MAX_TEMPLATE_CHARS, MessageTexts, MessageTextsCommand, MessageTextsError};
pub use event::{MessageTextsEvent, TextReset, TextWritten};
