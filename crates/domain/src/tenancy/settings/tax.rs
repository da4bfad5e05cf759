//! Taxes on what is sold, each from a day on (`facts/domain.md` 5.1). Most small operators are not taxable: there is no
//! rule by default. Read when a bill is issued.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InvalidSetting, keep};
use crate::billing::service::TaxMode;

const MAX_RULES: usize = 20;

/// How prices are taxed from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaxRule {
    /// Bills that are issued on this day or later.
    pub since: NaiveDate,
    /// `None`: not taxed from that day on.
    pub mode: Option<TaxMode>,
}

/// The rules, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Taxation {
    pub rules: Vec<TaxRule>,
}

impl Taxation {
    /// How a bill of that day is taxed.
    pub fn on(&self, date: NaiveDate) -> Option<TaxMode> {
        let rule = self.rules.iter().rev().find(|rule| rule.since <= date);
        rule.and_then(|rule| rule.mode)
    }

    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        keep(self.rules.len() <= MAX_RULES, "rules", "count")?;
        keep(
            self.rules
                .is_sorted_by(|earlier, later| earlier.since < later.since),
            "rules",
            "order",
        )?;
        let possible = |rule: &TaxRule| rule.mode.is_none_or(|mode| mode.tax.check().is_ok());
        keep(self.rules.iter().all(possible), "rules", "range")
    }
}
