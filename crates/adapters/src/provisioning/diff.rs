//! What must change on a router, from what is wanted and what was read. Pure.
//!
//! A row is ours when its comment holds our marker as a word of its own; the operator's text around it is kept. A
//! secret with our name and no marker is somebody's: it is adopted only when the operator has asked for that, and
//! never when another subscription's marker is on it.

use std::collections::BTreeSet;

use simpul_domain::network::desired::{Account, DesiredState};

use super::listing::{self, Profile};

/// Follows the marker while sessions that began under an older state may still be there. It stands on the router, so
/// that no crash between a change and the end of the old sessions forgets them.
pub(super) const RENEW: &str = "simpul-renew";
/// What every marker of ours begins with.
const MARK: &str = "simpul:";
/// The service of our secrets.
pub const SERVICE: &str = "pppoe";

/// What is known about the password of a secret. A login without the policy `sensitive` is shown asterisks or nothing,
/// and neither says that the password is another one (`facts/network.md` 1.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Password {
    #[default]
    Hidden,
    Wanted,
    Other,
}

/// One secret as read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Secret {
    pub id: String,
    pub name: String,
    pub service: String,
    pub profile: String,
    pub disabled: bool,
    /// A fixed address; empty when the profile's pool gives one.
    pub remote_address: String,
    pub comment: String,
    pub password: Password,
}

/// One session as read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    pub id: String,
    pub name: String,
    /// Changes with every session of the same name.
    pub session_id: String,
    pub address: String,
}

/// Everything on the router that concerns one subscription: rows by name and rows by marker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actual {
    pub secrets: Vec<Secret>,
    pub sessions: Vec<Session>,
    /// The plan's profile and its copy, where sessions are to be listed; else not read.
    pub profiles: Vec<Profile>,
    /// Which of the sessions' addresses are on the isolir list, by whatever entry; not read where that is not wanted.
    pub listed: BTreeSet<String>,
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// The password is added by whoever performs it.
    AddSecret {
        name: String,
        profile: String,
        disabled: bool,
        comment: String,
    },
    SetSecret {
        id: String,
        fields: Vec<(&'static str, String)>,
    },
    ClearRemoteAddress {
        id: String,
    },
    /// The password is put in by whoever performs it.
    SetPassword {
        id: String,
    },
    RemoveSecret {
        id: String,
    },
    AddProfile {
        fields: Vec<(&'static str, String)>,
    },
    SetProfile {
        id: String,
        fields: Vec<(&'static str, String)>,
    },
    ClearProfile {
        id: String,
        field: &'static str,
    },
}

impl Op {
    pub(super) const fn writes_password(&self) -> bool {
        matches!(self, Self::AddSecret { .. } | Self::SetPassword { .. })
    }
}

/// Why the router is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOurs;

/// The writes that make the router hold `desired`, in their order. None when it does. `rewrite`: write a password that
/// cannot be read.
pub fn plan(desired: &DesiredState, actual: &Actual, adopt: bool, rewrite: bool) -> Result<Vec<Op>, NotOurs> {
    let ours = ours(desired, actual);
    let mut ops = Vec::new();
    match &desired.account {
        Account::Absent => ops.extend(ours.iter().map(|secret| remove(secret))),
        Account::Present {
            profile, disabled, ..
        } => {
            let copied = listing::listed_plan(desired);
            let profile = copied.map_or_else(|| profile.to_string(), listing::copy_of);
            if let Some(copied) = copied {
                ops.extend(listing::plan_copy(copied, &actual.profiles)?);
            }
            let foreign = foreign(desired, actual);
            let adoptable = foreign.filter(|secret| adopt && !secret.comment.contains(MARK));
            match (ours.split_first(), foreign, adoptable) {
                // A rename onto somebody's name, or a name that is taken.
                (Some(_), Some(_), _) | (None, Some(_), None) => return Err(NotOurs),
                (Some((kept, repeated)), None, _) => {
                    ops.extend(repeated.iter().map(|secret| remove(secret)));
                    correct(&mut ops, desired, kept, &profile, *disabled);
                    ops.extend(password(kept, rewrite));
                }
                (None, Some(_), Some(adopted)) => {
                    correct(&mut ops, desired, adopted, &profile, *disabled);
                    ops.extend(password(adopted, rewrite));
                }
                (None, None, _) => ops.push(Op::AddSecret {
                    name: desired.username.to_string(),
                    profile,
                    disabled: *disabled,
                    comment: format!("{} {RENEW}", desired.marker),
                }),
            }
        }
    }
    Ok(ops)
}

/// The canonical text of what was read, to be compared with the desired one's.
pub fn observed(desired: &DesiredState, actual: &Actual) -> String {
    let name = &desired.username;
    let mut secrets = ours(desired, actual);
    let Some(secret) = secrets.pop() else {
        return format!("simpul-ppp-1\nname={name}\npresent=no\n");
    };
    if !secrets.is_empty() || !secret.remote_address.is_empty() {
        return format!("simpul-ppp-1\nname={name}\npresent=otherwise\n");
    }
    let copied = listing::listed_plan(desired).filter(|plan| {
        let is_right = listing::plan_copy(plan, &actual.profiles).is_ok_and(|ops| ops.is_empty());
        is_right && secret.profile == listing::copy_of(plan)
    });
    format!(
        "simpul-ppp-1\nname={}\npresent=yes\nservice={}\nprofile={}\ndisabled={}\nisolir-listed={}\nmarker={}\n",
        secret.name,
        secret.service,
        copied.map_or(secret.profile.as_str(), |plan| plan.as_str()),
        yes_no(secret.disabled),
        yes_no(copied.is_some()),
        desired.marker,
    )
}

/// Sessions that may not go on: all of an account that gives no service, else those from before the last change, and
/// those that are to be listed and are not.
pub fn outdated(desired: &DesiredState, actual: &Actual) -> Vec<Session> {
    if foreign(desired, actual).is_some() {
        return Vec::new();
    }
    let all = !gives_service(desired) || settle(desired, actual).is_some();
    let outdated = actual.sessions.iter();
    outdated
        .filter(|session| all || escapes(desired, actual, session))
        .cloned()
        .collect()
}

/// Whether the session should be listed and is not. One without an address goes nowhere.
pub fn escapes(desired: &DesiredState, actual: &Actual, session: &Session) -> bool {
    listing::listed_plan(desired).is_some()
        && !session.address.is_empty()
        && !actual.listed.contains(&session.address)
}

/// Whether the account may have a session at all.
pub const fn gives_service(desired: &DesiredState) -> bool {
    matches!(desired.account, Account::Present { disabled: false, .. })
}

/// The write that says that no session from before the last change is left, if one is owed.
pub fn settle(desired: &DesiredState, actual: &Actual) -> Option<Op> {
    let secret = ours(desired, actual)
        .into_iter()
        .find(|secret| words(&secret.comment).any(|word| word == RENEW))?;
    let kept: Vec<&str> = words(&secret.comment).filter(|word| *word != RENEW).collect();
    Some(Op::SetSecret {
        id: secret.id.clone(),
        fields: vec![("comment", kept.join(" "))],
    })
}

fn words(comment: &str) -> impl Iterator<Item = &str> {
    comment.split_whitespace()
}

fn is_ours(desired: &DesiredState, secret: &Secret) -> bool {
    words(&secret.comment).any(|word| word == desired.marker)
}

/// Our secrets, the oldest first.
fn ours<'a>(desired: &DesiredState, actual: &'a Actual) -> Vec<&'a Secret> {
    let mut ours: Vec<&Secret> = actual
        .secrets
        .iter()
        .filter(|secret| is_ours(desired, secret))
        .collect();
    ours.sort_by_key(|secret| age(&secret.id));
    ours
}

/// Somebody's secret with our name.
fn foreign<'a>(desired: &DesiredState, actual: &'a Actual) -> Option<&'a Secret> {
    actual
        .secrets
        .iter()
        .find(|secret| secret.name == desired.username.as_str() && !is_ours(desired, secret))
}

/// RouterOS numbers rows in hexadecimal, in the order in which they were made.
fn age(id: &str) -> u64 {
    u64::from_str_radix(id.trim_start_matches('*'), 16).unwrap_or(u64::MAX)
}

fn remove(secret: &Secret) -> Op {
    Op::RemoveSecret {
        id: secret.id.clone(),
    }
}

fn correct(ops: &mut Vec<Op>, desired: &DesiredState, secret: &Secret, profile: &str, disabled: bool) {
    let wanted = [
        ("name", secret.name.as_str(), desired.username.as_str()),
        ("service", secret.service.as_str(), SERVICE),
        ("profile", secret.profile.as_str(), profile),
        ("disabled", yes_no(secret.disabled), yes_no(disabled)),
    ];
    let mut fields: Vec<(&'static str, String)> = wanted
        .into_iter()
        .filter(|(_, is, wanted)| is != wanted)
        .map(|(field, _, wanted)| (field, wanted.to_owned()))
        .collect();
    let clears = !secret.remote_address.is_empty();
    let comment = marked(desired, &secret.comment, clears || !fields.is_empty());
    if comment != secret.comment {
        fields.push(("comment", comment));
    }
    if !fields.is_empty() {
        ops.push(Op::SetSecret {
            id: secret.id.clone(),
            fields,
        });
    }
    if clears {
        ops.push(Op::ClearRemoteAddress {
            id: secret.id.clone(),
        });
    }
}

fn password(secret: &Secret, rewrite: bool) -> Option<Op> {
    let is_due = match secret.password {
        Password::Wanted => false,
        Password::Other => true,
        Password::Hidden => rewrite,
    };
    is_due.then(|| Op::SetPassword {
        id: secret.id.clone(),
    })
}

/// The comment with our marker at its end. Adopting alone changes nothing for a session.
fn marked(desired: &DesiredState, comment: &str, renew: bool) -> String {
    let mut text = comment.to_owned();
    for word in std::iter::once(desired.marker.as_str()).chain(renew.then_some(RENEW)) {
        if !words(&text).any(|present| present == word) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
    }
    text
}

const fn yes_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}
