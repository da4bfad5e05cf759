//! What happened to an add-on.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike as _, Months, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Rupiah,
    platform::AddOnKey,
    stored_events,
    tenancy::{Feature, Resource},
};

/// Events of `platform.add_on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AddOnEvent {
    #[serde(rename = "platform.add_on.defined")]
    Defined(AddOnDefined),
    #[serde(rename = "platform.add_on.retired")]
    Retired(AddOnRetired),
}

stored_events!(AddOnEvent {
    Defined => "platform.add_on.defined", "1";
    Retired => "platform.add_on.retired", "1";
});

/// Nobody holds an add-on longer.
const MAX_YEARS: u32 = 200;

/// How often an add-on is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cycle {
    #[default]
    Monthly,
    Yearly,
}

impl Cycle {
    /// The day on which the period that holds `today` ends and the next begins: the first of a month, or the day of
    /// the year on which the first period began.
    pub fn next_period(self, since: NaiveDate, today: NaiveDate) -> NaiveDate {
        match self {
            Self::Monthly => today
                .with_day(1)
                .and_then(|first| first.checked_add_months(Months::new(1)))
                .unwrap_or(today),
            Self::Yearly => (1..=MAX_YEARS)
                .filter_map(|years| since.checked_add_months(Months::new(12 * years)))
                .find(|end| *end > today)
                .unwrap_or(today),
        }
    }
}

/// Who decides on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// It is active at once.
    #[default]
    Automatic,
    /// A super admin approves or rejects.
    Required,
}

/// What one piece of an add-on grants.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Grants {
    /// More of each.
    pub limits: BTreeMap<Resource, u32>,
    pub features: BTreeSet<Feature>,
}

/// What an add-on grants and costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddOnTerms {
    pub key: AddOnKey,
    /// As people read it.
    pub name: String,
    pub grants: Grants,
    /// Of one piece, for one cycle.
    pub price: Rupiah,
    pub cycle: Cycle,
    pub approval: Approval,
}

/// An add-on is offered on these terms from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddOnDefined {
    pub terms: AddOnTerms,
    pub at: DateTime<Utc>,
}

/// An add-on is offered no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddOnRetired {
    pub key: AddOnKey,
    pub at: DateTime<Utc>,
}
