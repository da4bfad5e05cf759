//! What can be asked of an add-on.

use chrono::{DateTime, Utc};

use super::AddOnTerms;

/// Commands of `platform.add_on`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddOnCommand {
    /// Offers the add-on on these terms from now on. Who holds it keeps the terms that he took.
    Define {
        terms: Box<AddOnTerms>,
        at: DateTime<Utc>,
    },
    /// Nobody can ask for it any more.
    Retire { at: DateTime<Utc> },
}
