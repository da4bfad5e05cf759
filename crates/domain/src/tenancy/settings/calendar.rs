//! Days on which nobody is isolated or reminded (SPEC section 5). Read by the isolir run.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InvalidSetting, keep};

const MAX_HOLIDAYS: usize = 400;

/// Days off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Calendar {
    pub holidays: BTreeSet<NaiveDate>,
    /// Saturdays and Sundays too.
    pub weekends: bool,
}

impl Calendar {
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        keep(self.holidays.len() <= MAX_HOLIDAYS, "holidays", "count")
    }
}
