//! Which feature a tenant must have for which operation (SPEC section 2: authenticate → tenant → feature → limit →
//! permission; F15, F16).
//!
//! This is the one table; the door asks it before an operation runs, and so before its permissions are looked at. A
//! command that other doors dispatch too names its feature in its `Access`, which the bus asks. What is not named is part
//! of every plan: so are looking at what is there and ending it, because a feature that is switched off takes nothing away
//! from anybody (over-limit data stays readable too). Where only a part of what an operation can be asked belongs to a
//! feature (a face of one's own among the settings, an investor among the users), its command asks and answers with a
//! `userErrors` entry (ADR 62).
//!
//! INVARIANT: `crates/api/tests/it/walk` has the feature of every operation as a column and compares.

use simpul_domain::tenancy::Feature;

use crate::Surface;

const STAFF: &[(&str, Feature)] = &[
    ("apiKeyIssue", Feature::ApiKeys),
    ("customDomainRequest", Feature::CustomDomain),
    ("roleDefine", Feature::CustomRoles),
    ("roleChange", Feature::CustomRoles),
    ("senderConnect", Feature::Whatsapp),
    ("voucherSettingsChange", Feature::Vouchers),
];

/// The feature without which a tenant is refused the operation, by the name of its root field.
pub(crate) fn needed(surface: Surface, operation: &str) -> Option<Feature> {
    match surface {
        Surface::Staff => STAFF
            .iter()
            .find(|(name, _)| *name == operation)
            .map(|(_, feature)| *feature),
        Surface::Portal => Some(Feature::Portal),
        // The platform sells features; it has them all.
        Surface::Platform => None,
    }
}
