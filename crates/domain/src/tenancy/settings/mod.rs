//! An operator's settings (SPEC section 20), in sections that change one at a time. Every value has a default, so a
//! tenant works from the first minute.
//!
//! Invariant: what a type cannot hold is checked by its section before it is stored; whoever reads a setting can rely on
//! it. Who reads a section says its own module; what nobody reads yet is kept for its reader.

mod branding;
mod calendar;
mod codes;
mod dunning;
mod invoicing;
mod isolir;
mod messaging;
mod payments;
mod region;
mod sessions;
mod tax;
#[cfg(test)]
mod tests;
mod vouchers;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    branding::{Branding, Colour, ColourError, HttpsUrl, HttpsUrlError},
    calendar::Calendar,
    codes::{CodePattern, CodePatternError, Codes},
    dunning::{Dunning, LateFee, LateFeeAmount},
    invoicing::{Invoicing, PrepaidAnchor},
    isolir::{BlastRadius, Isolir, IsolirScope, IsolirStrategy},
    messaging::{Messaging, QuietHours},
    payments::Payments,
    region::{Language, Region},
    sessions::Sessions,
    tax::{TaxRule, Taxation},
    vouchers::{Charset, VoucherPrefix, VoucherPrefixError, Vouchers},
};

/// A setting that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the setting {field} breaks its rule: {rule}")]
pub struct InvalidSetting {
    /// As the API calls it.
    pub field: &'static str,
    pub rule: &'static str,
}

/// Refuses a field unless it keeps its rule.
const fn keep(kept: bool, field: &'static str, rule: &'static str) -> Result<(), InvalidSetting> {
    if kept {
        Ok(())
    } else {
        Err(InvalidSetting { field, rule })
    }
}

/// Whether a list names nothing twice.
fn distinct<T: Ord>(items: &[T]) -> bool {
    let all: std::collections::BTreeSet<&T> = items.iter().collect();
    all.len() == items.len()
}

macro_rules! sections {
    ($($(#[$doc:meta])* $field:ident: $section:ident,)+) => {
        /// All of them.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(default)]
        pub struct TenantSettings {
            $($(#[$doc])* pub $field: $section,)+
        }

        /// What changes at once.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Section {
            $($(#[$doc])* $section($section),)+
        }

        impl Section {
            /// Its stored name.
            pub const fn as_str(&self) -> &'static str {
                match self { $(Self::$section(_) => stringify!($field),)+ }
            }

            /// What types cannot hold.
            pub fn check(&self) -> Result<(), InvalidSetting> {
                match self { $(Self::$section(section) => section.check(),)+ }
            }
        }

        impl TenantSettings {
            /// Whether this is how they are.
            pub fn has(&self, section: &Section) -> bool {
                match section { $(Section::$section(section) => self.$field == *section,)+ }
            }

            /// Replaces one section.
            pub fn set(&mut self, section: Section) {
                match section { $(Section::$section(section) => self.$field = section,)+ }
            }

            /// What types cannot hold.
            pub fn check(&self) -> Result<(), InvalidSetting> {
                $(self.$field.check()?;)+
                Ok(())
            }
        }

        $(impl From<$section> for Section {
            fn from(section: $section) -> Self {
                Self::$section(section)
            }
        })+
    };
}

sections! {
    /// Clock and language.
    region: Region,
    /// When and how customers are billed.
    invoicing: Invoicing,
    /// Taxes on what is sold.
    taxation: Taxation,
    /// What follows when a bill is not paid.
    dunning: Dunning,
    /// How service is restricted.
    isolir: Isolir,
    /// Days on which nothing unfriendly happens.
    calendar: Calendar,
    /// What is told to customers, when and by whom.
    messaging: Messaging,
    /// Through whom customers pay.
    payments: Payments,
    /// How the operator looks.
    branding: Branding,
    /// How codes are made.
    codes: Codes,
    /// Sessions of subscribers.
    sessions: Sessions,
    /// How vouchers are made.
    vouchers: Vouchers,
}
