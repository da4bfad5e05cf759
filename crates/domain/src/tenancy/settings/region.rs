//! Where the operator lives. Read wherever an instant becomes a date, and by the texts of messages and documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InvalidSetting;
use crate::time::Zone;

/// Language of messages and documents.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    Id,
    En,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::Id, Self::En];
}

/// Clock and language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Region {
    pub zone: Zone,
    pub language: Language,
}

impl Region {
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "every section is checked alike"
    )]
    pub(super) const fn check(self) -> Result<(), InvalidSetting> {
        Ok(())
    }
}
