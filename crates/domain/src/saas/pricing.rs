//! From charges to the lines of a bill: the coming period in advance, the one before by its actual days.
//!
//! A charge has a price per month and runs from a day up to another. A bill asks for the coming period as it is known
//! today; what changed in the meantime is settled with the next bill, from the actual days. A part of a month is
//! `floor(price × days up to its end) - floor(price × days up to its beginning)`, each over the days of the month: parts
//! that lie side by side add up to the price, the remainder on the last (Property 76).

use chrono::{Months, NaiveDate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    MoneyError, Rupiah,
    billing::{
        Period, Tax,
        invoice::{InvoiceLine, LineKind},
    },
    text_type,
};

text_type! {
    /// What is charged: `plan`, `add_on/extra_router`, `limit/routers`. One item has one price at a time.
    Item, ItemError: "an item is 1 to 80 small letters, digits, dashes, underscores and slashes",
    pattern "^[a-z0-9_/-]{1,80}$",
    |text| (1..=80).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_/-".contains(&byte))
}

impl Item {
    /// The base plan.
    pub fn plan() -> Self {
        Self("plan".to_owned())
    }

    fn kind(&self) -> LineKind {
        if self.0 == "plan" {
            LineKind::Plan
        } else {
            LineKind::AddOn
        }
    }
}

/// One item at one price, from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Charge {
    pub item: Item,
    /// As printed.
    pub label: String,
    /// Per month.
    pub price: Rupiah,
    pub from: NaiveDate,
    /// The day after the last; none while it runs.
    pub until: Option<NaiveDate>,
}

impl Charge {
    /// The days of it within a period; nothing when there is none.
    fn within(&self, period: Period) -> Option<Period> {
        let from = self.from.max(period.from());
        let until = self
            .until
            .map_or(period.until(), |until| until.min(period.until()));
        Period::try_new(from, until).ok()
    }
}

/// What an item was billed for a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BilledItem {
    pub item: Item,
    pub label: String,
    pub amount: Rupiah,
}

/// The bill of one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// What is printed. They add up to zero or more.
    pub lines: Vec<InvoiceLine>,
    /// What each item was asked for the period, to be settled with the next bill.
    pub billed: Vec<BilledItem>,
    /// What earlier bills gave back and this one could not use up, zero or more.
    pub carried: Rupiah,
}

/// The period before, and what was asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Before {
    pub period: Period,
    pub billed: Vec<BilledItem>,
}

/// Prices `period` in advance, settles the one `before` it, and uses what was `carried` so far.
pub fn price(
    period: Period,
    before: Option<&Before>,
    carried: Rupiah,
    charges: &[Charge],
    tax: Option<Tax>,
) -> Result<Priced, MoneyError> {
    let mut lines = Vec::new();
    let mut billed = Vec::new();
    for item in items(charges) {
        let parts = parts(&item, charges, period)?;
        if let Some((first, _, _)) = parts.first() {
            let amount = Rupiah::sum(parts.iter().map(|(_, _, amount)| *amount))?;
            let label = first.label.clone();
            billed.push(BilledItem { item, label, amount });
        }
        lines.extend(parts.iter().map(|part| line(part, period)));
    }
    if let Some(before) = before {
        settle(before, charges, &mut lines)?;
    }
    if carried.is_positive() {
        lines.push(InvoiceLine {
            kind: LineKind::Credit,
            description: "Sisa dari tagihan sebelumnya".to_owned(),
            amount: Rupiah::ZERO.sub(carried)?,
        });
    }
    let total = Rupiah::sum(lines.iter().map(|line| line.amount))?;
    let carried = if total < Rupiah::ZERO {
        let carried = Rupiah::ZERO.sub(total)?;
        lines.push(InvoiceLine {
            kind: LineKind::CarriedForward,
            description: "Dipindahkan ke tagihan berikutnya".to_owned(),
            amount: carried,
        });
        carried
    } else {
        Rupiah::ZERO
    };
    if let Some(tax) = tax
        && let amount = tax.on(total.max(Rupiah::ZERO))?
        && amount.is_positive()
    {
        lines.push(InvoiceLine {
            kind: LineKind::Tax,
            description: "PPN".to_owned(),
            amount,
        });
    }
    Ok(Priced {
        lines,
        billed,
        carried,
    })
}

/// Charges what the days of the period before came to and was not asked, gives back what was asked too much.
fn settle(before: &Before, charges: &[Charge], lines: &mut Vec<InvoiceLine>) -> Result<(), MoneyError> {
    let asked = |item: &Item| before.billed.iter().find(|one| one.item == *item);
    let mut all = items(charges);
    all.extend(before.billed.iter().map(|one| one.item.clone()));
    all.sort();
    all.dedup();
    for item in all {
        let parts = parts(&item, charges, before.period)?;
        let came_to = Rupiah::sum(parts.iter().map(|(_, _, amount)| *amount))?;
        let asked = asked(&item);
        let was_asked = asked.map_or(Rupiah::ZERO, |one| one.amount);
        if came_to == was_asked {
            continue;
        }
        lines.extend(parts.iter().map(|part| InvoiceLine {
            kind: LineKind::Proration,
            ..line(part, before.period)
        }));
        if let Some(asked) = asked.filter(|one| one.amount.is_positive()) {
            lines.push(InvoiceLine {
                kind: LineKind::Credit,
                description: format!("{} {} (sudah ditagih)", asked.label, before.period),
                amount: Rupiah::ZERO.sub(asked.amount)?,
            });
        }
    }
    Ok(())
}

type Part<'c> = (&'c Charge, Period, Rupiah);

/// The parts of an item in a period that cost something, in order of days.
fn parts<'c>(item: &Item, charges: &'c [Charge], period: Period) -> Result<Vec<Part<'c>>, MoneyError> {
    let month = days_of_month(period);
    let mut parts = Vec::new();
    for charge in charges.iter().filter(|charge| charge.item == *item) {
        let Some(days) = charge.within(period) else {
            continue;
        };
        let begins = (days.from() - period.from()).num_days();
        let amount =
            upto(charge.price, begins + days.days(), month)?.sub(upto(charge.price, begins, month)?)?;
        if amount.is_positive() {
            parts.push((charge, days, amount));
        }
    }
    parts.sort_by_key(|(_, days, _)| *days);
    Ok(parts)
}

/// What the first `days` of a month cost.
fn upto(price: Rupiah, days: i64, month: i64) -> Result<Rupiah, MoneyError> {
    let part = i128::from(price.get()) * i128::from(days) / i128::from(month.max(1));
    Rupiah::try_new(i64::try_from(part).map_err(|_| MoneyError::OutOfRange)?)
}

/// A price is for this many days: those of the month that begins with the period. A period is shorter only where the
/// billing day was moved.
fn days_of_month(period: Period) -> i64 {
    let month_later = period.from().checked_add_months(Months::new(1));
    let days = month_later.map_or(0, |end| (end - period.from()).num_days());
    days.max(period.days())
}

fn line((charge, days, amount): &Part<'_>, period: Period) -> InvoiceLine {
    let (whole, month) = (*days == period, days_of_month(period));
    let share = if whole && days.days() == month {
        String::new()
    } else {
        format!(" ({}/{month} hari)", days.days())
    };
    InvoiceLine {
        kind: if share.is_empty() {
            charge.item.kind()
        } else {
            LineKind::Proration
        },
        description: format!("{} {days}{share}", charge.label),
        amount: *amount,
    }
}

fn items(charges: &[Charge]) -> Vec<Item> {
    let mut items: Vec<Item> = charges.iter().map(|charge| charge.item.clone()).collect();
    items.sort();
    items.dedup();
    items
}

#[cfg(test)]
mod tests;
