//! How a restricted account stays restricted whenever it dials in: by a copy of its plan's profile that the router lists.
//!
//! A secret has no address list of its own, a profile has: while a session of it is up, its address stands on the list,
//! put there and taken away by the router itself (`facts/network.md` 1.8, 1.10; ADR 56). A row that we would write for
//! an address of a pool misses the next session and hits whoever gets the address then.
//!
//! The copy is ours by its comment. It follows the plan's profile at every convergence, and stays when nobody is on it.

use std::collections::BTreeMap;

use simpul_domain::network::{
    PppProfile,
    desired::{Account, DesiredState},
};

use super::diff::{NotOurs, Op};

/// The address list of restricted customers (`facts/network.md` 1.10).
pub const ISOLIR_LIST: &str = "ISP-ISOLIR";
/// The comment of our copies.
pub const COPY: &str = "simpul:isolir-profile";
/// What a copy takes over. Not taken over: what gives an IPv6 prefix, because the list and the walled garden are IPv4's.
pub const COPIED: [&str; 16] = [
    "local-address",
    "remote-address",
    "rate-limit",
    "only-one",
    "dns-server",
    "session-timeout",
    "idle-timeout",
    "incoming-filter",
    "outgoing-filter",
    "parent-queue",
    "queue-type",
    "insert-queue-before",
    "change-tcp-mss",
    "use-encryption",
    "on-up",
    "on-down",
];
const LIST_FIELD: &str = "address-list";

/// One PPP profile as read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    pub id: String,
    pub name: String,
    pub address_list: String,
    pub comment: String,
    /// What of [`COPIED`] is set.
    pub terms: BTreeMap<&'static str, String>,
}

/// The profile whose sessions are to be listed, if that is wanted.
pub fn listed_plan(desired: &DesiredState) -> Option<&PppProfile> {
    match &desired.account {
        Account::Present {
            profile,
            isolir_listed: true,
            ..
        } => Some(profile),
        Account::Present { .. } | Account::Absent => None,
    }
}

/// The name of the copy of a plan's profile.
pub fn copy_of(plan: &PppProfile) -> String {
    format!("simpul-isolir {plan}")
}

/// The writes that make the copy what it should be. Refused when the plan has no profile on the router, and when
/// somebody else's has the copy's name.
pub(super) fn plan_copy(plan: &PppProfile, profiles: &[Profile]) -> Result<Vec<Op>, NotOurs> {
    let source = named(profiles, plan.as_str()).ok_or(NotOurs)?;
    let Some(copy) = named(profiles, &copy_of(plan)) else {
        let own = [
            ("name", copy_of(plan)),
            (LIST_FIELD, ISOLIR_LIST.to_owned()),
            ("comment", COPY.to_owned()),
        ];
        let terms = source.terms.iter().map(|(field, value)| (*field, value.clone()));
        return Ok(vec![Op::AddProfile {
            fields: own.into_iter().chain(terms).collect(),
        }]);
    };
    if copy.comment != COPY {
        return Err(NotOurs);
    }
    let mut fields: Vec<(&'static str, String)> = source
        .terms
        .iter()
        .filter(|(field, value)| copy.terms.get(*field) != Some(value))
        .map(|(field, value)| (*field, value.clone()))
        .collect();
    if copy.address_list != ISOLIR_LIST {
        fields.push((LIST_FIELD, ISOLIR_LIST.to_owned()));
    }
    let id = || copy.id.clone();
    let set = (!fields.is_empty()).then(|| Op::SetProfile { id: id(), fields });
    let cleared = copy
        .terms
        .keys()
        .filter(|field| !source.terms.contains_key(*field));
    let cleared = cleared.map(|field| Op::ClearProfile { id: id(), field });
    Ok(set.into_iter().chain(cleared).collect())
}

fn named<'a>(profiles: &'a [Profile], name: &str) -> Option<&'a Profile> {
    profiles.iter().find(|profile| profile.name == name)
}
