//! What follows when a bill is not paid (SPEC section 5): reminders, isolir after the grace, the stop after that. Read by
//! the dunning ladder when a bill is issued, the stop when a line is isolated, the late fee when the grace is over: it is a
//! line of the next bill.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InvalidSetting, distinct, keep};
use crate::{MoneyError, Rupiah, within::Within};

const MAX_REMINDERS: usize = 10;
const MAX_DISTANCE: u8 = 60;

/// What a late fee is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LateFeeAmount {
    Fixed(Rupiah),
    /// Hundredths of a per cent of what was owed, at most the cap.
    Share {
        basis_points: Within<1, 10_000>,
        cap: Option<Rupiah>,
    },
}

/// Asked once for each bill that was unpaid after the grace (F167, U070, U071).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LateFee {
    pub amount: LateFeeAmount,
}

impl LateFee {
    /// What is asked where so much was owed. A share is rounded up to a multiple of the unit, and never above its cap.
    pub fn of(self, owed: Rupiah, unit: Rupiah) -> Result<Rupiah, MoneyError> {
        match self.amount {
            LateFeeAmount::Fixed(amount) => Ok(amount),
            LateFeeAmount::Share { basis_points, cap } => {
                let unit = i128::from(unit.get().max(1));
                let whole = 10_000 * unit;
                let share = i128::from(owed.get()) * i128::from(basis_points.get());
                let units = (share + whole - 1).div_euclid(whole);
                let fee = i64::try_from(units * unit).map_err(|_| MoneyError::OutOfRange)?;
                let fee = Rupiah::try_new(fee)?;
                Ok(cap.map_or(fee, |cap| fee.min(cap)))
            }
        }
    }
}

/// What follows when a bill is not paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dunning {
    /// Days after the due date on which a customer is reminded; negative before it.
    pub reminder_days: Vec<i8>,
    /// Whole days after the due date during which nobody is isolated.
    pub grace_days: Within<0, 60>,
    /// Whole days after its isolir until a line that is still unpaid is stopped; `None`: never by itself.
    pub stop_days: Option<Within<1, 365>>,
    pub late_fee: Option<LateFee>,
}

impl Default for Dunning {
    fn default() -> Self {
        Self {
            reminder_days: vec![-7, -3, 0, 1],
            grace_days: Within::of::<5>(),
            stop_days: None,
            late_fee: None,
        }
    }
}

impl Dunning {
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        let near = |days: &i8| days.unsigned_abs() <= MAX_DISTANCE;
        keep(self.reminder_days.len() <= MAX_REMINDERS, "reminderDays", "count")?;
        keep(self.reminder_days.iter().all(near), "reminderDays", "range")?;
        keep(distinct(&self.reminder_days), "reminderDays", "distinct")?;
        let positive = match self.late_fee.map(|fee| fee.amount) {
            Some(LateFeeAmount::Fixed(amount)) => amount.is_positive(),
            Some(LateFeeAmount::Share { cap, .. }) => cap.is_none_or(Rupiah::is_positive),
            None => true,
        };
        keep(positive, "lateFee", "positive")
    }
}
