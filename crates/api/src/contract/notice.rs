//! Of what clients must be told: whether they were, and how long before.

use chrono::{Datelike as _, Months, NaiveDate};

use super::{
    compare::{Change, Gravity, REMOVED},
    read::{Contract, Element, Part},
};

/// How long something stays after it was deprecated, at least.
const NOTICE: Months = Months::new(3);

/// What `@deprecated` says: `Use paidAt. Removed 2027-04-01.`
struct Notice<'r> {
    successor: &'r str,
    removed_on: NaiveDate,
}

impl<'r> Notice<'r> {
    fn read(reason: &'r str) -> Option<Self> {
        let (successor, removed) = reason.strip_prefix("Use ")?.rsplit_once(". Removed ")?;
        let removed_on = removed.strip_suffix('.')?.parse().ok()?;
        Some(Self {
            successor: successor.trim_matches('`'),
            removed_on,
        })
    }

    fn of(element: &'r Element) -> Option<Self> {
        Self::read(element.deprecated.as_deref()?)
    }
}

/// The part of a changelog about what is not released yet.
pub fn unreleased(changelog: &str) -> &str {
    let begin = changelog.split_once("\n## [Unreleased]\n").map(|(_, rest)| rest);
    let rest = begin.unwrap_or_default();
    rest.split_once("\n## ").map_or(rest, |(part, _)| part)
}

/// Changes that clients of the old contract were not told of in time. What breaks them must be the end of something whose
/// day has come; what surprises them must be named in the changelog, as `` `InvoiceStatus.VOID` ``.
pub fn unannounced<'c>(
    old: &Contract,
    new: &Contract,
    changes: &'c [Change],
    unreleased: &str,
    today: NaiveDate,
) -> Vec<&'c Change> {
    let announced = |change: &&Change| match change.gravity {
        Gravity::Safe => true,
        Gravity::Dangerous => unreleased.contains(&format!("`{}`", change.coordinate)),
        Gravity::Breaking => change.what == REMOVED && is_over(old, new, &change.coordinate, today),
    };
    changes.iter().filter(|change| !announced(change)).collect()
}

/// Whether something may be gone. A type cannot be deprecated: it goes with whatever led to it.
fn is_over(old: &Contract, new: &Contract, coordinate: &str, today: NaiveDate) -> bool {
    let Some(element) = old.get(coordinate) else {
        return false;
    };
    match element.part {
        Part::Type(_) => old
            .iter()
            .filter(|(_, element)| element.leads_to() == Some(coordinate))
            .all(|(way, _)| is_closed(old, new, way, today)),
        Part::Field { .. } | Part::Input { .. } | Part::Value | Part::Member => is_due(element, today),
    }
}

/// Whether a way to a type is gone: with its own type, which is looked at by itself, or because its day has come.
fn is_closed(old: &Contract, new: &Contract, way: &str, today: NaiveDate) -> bool {
    let (owner, _) = way.split_once('.').unwrap_or((way, ""));
    let (field, _) = way.split_once('(').unwrap_or((way, ""));
    let ended = |part: &str| !new.has(part) && old.get(part).is_some_and(|element| is_due(element, today));
    !new.has(owner) || ended(way) || ended(field)
}

fn is_due(element: &Element, today: NaiveDate) -> bool {
    Notice::of(element).is_some_and(|notice| notice.removed_on <= today)
}

/// Deprecations of the new contract that do not say what to use instead and until when, or leave too little time: those
/// that no release has had yet three months, others what they were released with.
pub fn broken_notices(old: &Contract, new: &Contract, today: NaiveDate) -> Vec<String> {
    let faults = new.iter().filter_map(|(coordinate, element)| {
        let reason = element.deprecated.as_deref()?;
        let before = old.get(coordinate).and_then(Notice::of);
        let fault = match Notice::read(reason) {
            None => "does not say `Use x. Removed 2027-04-01.`".to_owned(),
            Some(notice) => fault(new, coordinate, &notice, before.as_ref(), today)?,
        };
        Some(format!("{coordinate} {fault}"))
    });
    faults.collect()
}

fn fault(
    new: &Contract,
    coordinate: &str,
    notice: &Notice<'_>,
    before: Option<&Notice<'_>>,
    today: NaiveDate,
) -> Option<String> {
    let Notice {
        successor,
        removed_on,
    } = *notice;
    if !new.has(successor) && !new.has(&sibling(coordinate, successor)) {
        return Some(format!("has a successor that does not exist: {successor}"));
    }
    if removed_on.day() != 1 || removed_on.month0() % 3 != 0 {
        return Some(format!(
            "is removed on {removed_on}, not on the first day of a quarter"
        ));
    }
    let earliest = match before {
        Some(before) => before.removed_on,
        None => today.checked_add_months(NOTICE).unwrap_or(today),
    };
    (removed_on < earliest).then(|| format!("is removed on {removed_on}, before {earliest}"))
}

/// The coordinate of what stands beside another thing.
fn sibling(coordinate: &str, name: &str) -> String {
    if let Some((field, _)) = coordinate.split_once('(') {
        return format!("{field}({name}:)");
    }
    let (owner, _) = coordinate.split_once('.').unwrap_or((coordinate, ""));
    format!("{owner}.{name}")
}
