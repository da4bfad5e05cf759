//! What a service line is billed for one period (SPEC section 5): the price, a first period that is not a whole one,
//! days without service, and the tax.
//!
//! Invariant: the lines are a function of their arguments, so that a quote, a preview and the bill say the same.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Period, Tax,
    invoice::{InvoiceLine, LineKind},
};
use crate::{MoneyError, Rupiah};

/// What a customer owes for a first period that began in its middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FirstPeriod {
    /// Nothing.
    Free,
    /// The days of service, by the actual days of the period.
    Prorated,
    /// All of it.
    #[default]
    Whole,
}

/// How prices are taxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaxMode {
    pub tax: Tax,
    /// The price has the tax in it.
    pub inclusive: bool,
}

/// One period of a service line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service<'a> {
    pub name: &'a str,
    /// Of a whole period.
    pub price: Rupiah,
    pub period: Period,
    pub installed_on: NaiveDate,
    /// Days of service in the period that are not billed, because there was none.
    pub days_off: i64,
}

/// What the operator has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    pub first_period: FirstPeriod,
    /// What is calculated is rounded up to a multiple of this, and never above the price.
    pub rounding_unit: Rupiah,
    pub tax: Option<TaxMode>,
}

/// The lines of the bill. They add up to what is owed; where nothing is owed there are none.
pub fn lines(service: &Service<'_>, rules: Rules) -> Result<Vec<InvoiceLine>, MoneyError> {
    let Service {
        name, price, period, ..
    } = *service;
    let served = served(service);
    let whole = served == period.days();
    let billed = match rules.first_period {
        FirstPeriod::Whole => period.days(),
        FirstPeriod::Free if !whole => 0,
        FirstPeriod::Free | FirstPeriod::Prorated => served,
    };
    let billed = (billed - service.days_off).max(0);
    let (kind, amount) = if billed == period.days() {
        (LineKind::Plan, price)
    } else {
        let part = part(price, billed, period, rules.rounding_unit)?;
        (LineKind::Proration, part)
    };
    if amount.is_zero() {
        return Ok(Vec::new());
    }
    let taxed = match rules.tax {
        Some(mode) if mode.inclusive => mode.tax.within(amount)?,
        Some(mode) => mode.tax.on(amount)?,
        None => Rupiah::ZERO,
    };
    let net = match rules.tax {
        Some(mode) if mode.inclusive => amount.sub(taxed)?,
        Some(_) | None => amount,
    };
    let service = InvoiceLine {
        kind,
        description: format!("{name} {period}"),
        amount: net,
    };
    let tax = taxed.is_positive().then(|| InvoiceLine {
        kind: LineKind::Tax,
        description: "PPN".to_owned(),
        amount: taxed,
    });
    Ok(std::iter::once(service).chain(tax).collect())
}

/// Days of the period with service: all of them, unless the line was installed in its middle.
fn served(service: &Service<'_>) -> i64 {
    let Service {
        period, installed_on, ..
    } = *service;
    if period.contains(installed_on) {
        (period.until() - installed_on).num_days()
    } else {
        period.days()
    }
}

fn part(price: Rupiah, days: i64, period: Period, unit: Rupiah) -> Result<Rupiah, MoneyError> {
    let (price, unit) = (i128::from(price.get()), i128::from(unit.get().max(1)));
    let whole = i128::from(period.days()) * unit;
    let units = (price * i128::from(days) + whole - 1).div_euclid(whole);
    let rounded = (units * unit).min(price);
    Rupiah::try_new(i64::try_from(rounded).map_err(|_| MoneyError::OutOfRange)?)
}

#[cfg(test)]
mod tests;
