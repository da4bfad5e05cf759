//! What differs between two contracts, and how much it matters to a client that was written for the first.

use std::fmt;

use async_graphql::parser::types::{BaseType, Type};

use super::read::{Contract, Element, Part};

/// How much a difference matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// Documents are refused that were not, or answers have not what they had.
    Breaking,
    /// Clients meet what they have not met before, or pay more.
    Dangerous,
    /// Nobody notices.
    Safe,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    pub gravity: Gravity,
    /// Where.
    pub coordinate: String,
    /// What became of it.
    pub what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            gravity,
            coordinate,
            what,
        } = self;
        let gravity = match gravity {
            Gravity::Breaking => "breaking",
            Gravity::Dangerous => "dangerous",
            Gravity::Safe => "safe",
        };
        write!(f, "{gravity}: {coordinate} {what}")
    }
}

pub(super) const REMOVED: &str = "was removed";

/// Every difference, the gravest first.
pub fn changes(old: &Contract, new: &Contract) -> Vec<Change> {
    let mut changes = Vec::new();
    for (coordinate, _) in old.without(new) {
        changes.push(change(Gravity::Breaking, coordinate, REMOVED));
    }
    for (coordinate, element) in new.without(old) {
        let (gravity, what) = added(&element.part);
        changes.push(change(gravity, coordinate, what));
    }
    for (coordinate, element) in new.iter() {
        if let Some(before) = old.get(coordinate) {
            let altered = altered(before, element).into_iter();
            changes.extend(altered.map(|(gravity, what)| change(gravity, coordinate, what)));
        }
    }
    changes.sort();
    changes
}

fn change(gravity: Gravity, coordinate: &str, what: impl Into<String>) -> Change {
    Change {
        gravity,
        coordinate: coordinate.to_owned(),
        what: what.into(),
    }
}

/// Clients that must send something break; those that match on what they get may not know the new.
fn added(part: &Part) -> (Gravity, &'static str) {
    match part {
        Part::Input { .. } if is_required(part) => (Gravity::Breaking, "was added and is required"),
        Part::Type(_) | Part::Field { .. } | Part::Input { .. } => (Gravity::Safe, "was added"),
        Part::Value | Part::Member => (Gravity::Dangerous, "was added"),
    }
}

fn altered(old: &Element, new: &Element) -> Vec<(Gravity, String)> {
    let mut found = match (&old.part, &new.part) {
        (Part::Type(old), Part::Type(new)) if old == new => Vec::new(),
        (Part::Type(old), Part::Type(new)) => {
            vec![(Gravity::Breaking, format!("is of kind {new}, was {old}"))]
        }
        (Part::Field { .. }, Part::Field { .. }) => altered_field(&old.part, &new.part),
        (Part::Input { .. }, Part::Input { .. }) => altered_input(&old.part, &new.part),
        (Part::Value, Part::Value) | (Part::Member, Part::Member) => Vec::new(),
        _ => vec![(Gravity::Breaking, "became something else".to_owned())],
    };
    match (&old.deprecated, &new.deprecated) {
        (None, Some(_)) => found.push((Gravity::Safe, "is deprecated".to_owned())),
        (Some(_), None) => found.push((Gravity::Safe, "is not deprecated any more".to_owned())),
        (None, None) | (Some(_), Some(_)) => {}
    }
    found
}

fn altered_field(old: &Part, new: &Part) -> Vec<(Gravity, String)> {
    let (
        Part::Field {
            ty: old_ty,
            permission: old_permission,
            weight: old_weight,
        },
        Part::Field {
            ty: new_ty,
            permission: new_permission,
            weight: new_weight,
        },
    ) = (old, new)
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if old_ty != new_ty {
        let gravity = gravity(fits(new_ty, old_ty), Gravity::Breaking);
        found.push((gravity, format!("answers {new_ty}, did {old_ty}")));
    }
    if old_permission != new_permission {
        // Who was let in before is let in still.
        let keeps = new_permission.is_empty()
            || !old_permission.is_empty() && old_permission.is_subset(new_permission);
        let names = |names: &std::collections::BTreeSet<String>| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(" or ")
            }
        };
        let what = format!(
            "asks for {}, did for {}",
            names(new_permission),
            names(old_permission)
        );
        found.push((gravity(keeps, Gravity::Breaking), what));
    }
    found.extend(altered_weight(*old_weight, *new_weight));
    found
}

fn altered_input(old: &Part, new: &Part) -> Vec<(Gravity, String)> {
    let (
        Part::Input {
            ty: old_ty,
            default: old_default,
            weight: old_weight,
        },
        Part::Input {
            ty: new_ty,
            default: new_default,
            weight: new_weight,
        },
    ) = (old, new)
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if old_ty != new_ty {
        // With a default, a value that must not be null may still be left out; a null that was sent may not.
        let gravity = gravity(fits(old_ty, new_ty), Gravity::Breaking);
        found.push((gravity, format!("takes {new_ty}, did {old_ty}")));
    }
    if old_default != new_default {
        let default = |default: &Option<String>| default.clone().unwrap_or_else(|| "nothing".to_owned());
        let still_optional = is_required(old) || !is_required(new);
        let gravity = if still_optional {
            Gravity::Dangerous
        } else {
            Gravity::Breaking
        };
        let what = format!(
            "is {} if left out, was {}",
            default(new_default),
            default(old_default)
        );
        found.push((gravity, what));
    }
    found.extend(altered_weight(*old_weight, *new_weight));
    found
}

fn altered_weight(old: u64, new: u64) -> Option<(Gravity, String)> {
    let what = || format!("weighs {new}, did {old}");
    (old != new).then(|| (gravity(new < old, Gravity::Dangerous), what()))
}

fn gravity(is_safe: bool, otherwise: Gravity) -> Gravity {
    if is_safe { Gravity::Safe } else { otherwise }
}

fn is_required(part: &Part) -> bool {
    matches!(part, Part::Input { ty, default: None, .. } if !ty.nullable)
}

/// Whether every value of one type is a value of the other.
fn fits(narrow: &Type, wide: &Type) -> bool {
    let base = match (&narrow.base, &wide.base) {
        (BaseType::Named(narrow), BaseType::Named(wide)) => narrow == wide,
        (BaseType::List(narrow), BaseType::List(wide)) => fits(narrow, wide),
        (BaseType::Named(_), BaseType::List(_)) | (BaseType::List(_), BaseType::Named(_)) => false,
    };
    base && (wide.nullable || !narrow.nullable)
}
