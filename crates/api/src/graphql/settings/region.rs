//! Clock and language.

use async_graphql::{Enum, InputObject, SimpleObject};
use simpul_domain::{
    tenancy::{Language, settings::Region},
    time::Zone,
};

/// The tenant's clock. None has daylight saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Zone", name = "TimeZone")]
pub(crate) enum TimeZone {
    /// Asia/Jakarta, WIB, UTC+7.
    Jakarta,
    /// Asia/Makassar, WITA, UTC+8.
    Makassar,
    /// Asia/Jayapura, WIT, UTC+9.
    Jayapura,
}

/// Language of messages and documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Language", name = "Language")]
pub(crate) enum SpokenLanguage {
    /// Indonesian.
    Id,
    /// English.
    En,
}

/// Clock and language.
#[derive(Debug, SimpleObject)]
pub(crate) struct RegionSettings {
    /// Decides which day it is.
    time_zone: TimeZone,
    /// Of messages and documents.
    language: SpokenLanguage,
}

impl From<&Region> for RegionSettings {
    fn from(region: &Region) -> Self {
        Self {
            time_zone: region.zone.into(),
            language: region.language.into(),
        }
    }
}

/// Clock and language, both of them.
#[derive(Debug, InputObject)]
pub(crate) struct RegionSettingsChangeInput {
    /// Decides which day it is.
    time_zone: TimeZone,
    /// Of messages and documents.
    language: SpokenLanguage,
    /// The `version` that was read: if somebody was faster, the change is refused.
    pub(super) expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    pub(super) idempotency_key: Option<String>,
}

impl RegionSettingsChangeInput {
    pub(super) fn section(&self) -> Region {
        Region {
            zone: self.time_zone.into(),
            language: self.language.into(),
        }
    }
}
