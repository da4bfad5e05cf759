//! A router: secrets, profiles and sessions, and customers' modems that dial whenever they may.

use std::collections::{BTreeMap, BTreeSet};

use simpul_adapters::provisioning::{
    diff::{Actual, Op, Password, SERVICE, Secret, Session},
    listing::{ISOLIR_LIST, Profile, copy_of, listed_plan},
};
use simpul_domain::network::desired::DesiredState;

/// One secret as the router keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub name: String,
    pub service: String,
    pub profile: String,
    pub disabled: bool,
    pub remote_address: String,
    pub comment: String,
    pub password: String,
}

/// One session, with what held when it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    pub id: u64,
    pub name: String,
    pub session_id: u64,
    pub profile: String,
    /// Its profile put it on the isolir list.
    pub is_listed: bool,
}

/// One router.
#[derive(Debug, Clone, Default)]
pub struct Router {
    pub serial: String,
    /// Whether the login may read passwords.
    pub shows_passwords: bool,
    pub secrets: BTreeMap<u64, Kept>,
    pub sessions: Vec<Live>,
    /// Profiles whose terms matter; a plan without one here has an empty one.
    pub profiles: BTreeMap<u64, Profile>,
    pub offline_until_ms: u64,
    pub stranger_until_ms: u64,
    next: u64,
}

fn row(id: u64) -> String {
    format!("*{id:X}")
}

fn put(profile: &mut Profile, fields: &[(&'static str, String)]) {
    for (field, value) in fields {
        match *field {
            "name" => profile.name.clone_from(value),
            "address-list" => profile.address_list.clone_from(value),
            "comment" => profile.comment.clone_from(value),
            term => drop(profile.terms.insert(term, value.clone())),
        }
    }
}

fn number(id: &str) -> u64 {
    u64::from_str_radix(id.trim_start_matches('*'), 16).unwrap_or(0)
}

impl Router {
    pub fn new(serial: String, shows_passwords: bool) -> Self {
        Self {
            serial,
            shows_passwords,
            ..Self::default()
        }
    }

    /// The address that the pool gives to a name; a pool gives the same one again as long as it can.
    fn address(name: &str) -> String {
        format!("10.0.0.{name}")
    }

    /// What one subscription's run reads: rows by name and rows by marker.
    pub fn read(&self, desired: &DesiredState) -> Actual {
        let marker = desired.marker.as_str();
        let marked = |comment: &str| comment.split_whitespace().any(|word| word == marker);
        let secrets: Vec<Secret> = self
            .secrets
            .iter()
            .filter(|(_, kept)| kept.name == desired.username.as_str() || marked(&kept.comment))
            .map(|(id, kept)| Secret {
                id: row(*id),
                name: kept.name.clone(),
                service: kept.service.clone(),
                profile: kept.profile.clone(),
                disabled: kept.disabled,
                remote_address: kept.remote_address.clone(),
                comment: kept.comment.clone(),
                password: match (self.shows_passwords, kept.password == desired.secret.as_str()) {
                    (false, _) => Password::Hidden,
                    (true, true) => Password::Wanted,
                    (true, false) => Password::Other,
                },
            })
            .collect();
        let named = |name: &str| {
            name == desired.username.as_str() || secrets.iter().any(|secret| secret.name == name)
        };
        let sessions: Vec<&Live> = self.sessions.iter().filter(|live| named(&live.name)).collect();
        let (profiles, listed) = self.listing(desired, &sessions);
        Actual {
            sessions: sessions
                .into_iter()
                .map(|live| Session {
                    id: row(live.id),
                    name: live.name.clone(),
                    session_id: live.session_id.to_string(),
                    address: Self::address(&live.name),
                })
                .collect(),
            profiles,
            listed,
            secrets,
        }
    }

    /// The plan's profile with its copy, and which sessions are listed, where that is wanted.
    fn listing(&self, desired: &DesiredState, sessions: &[&Live]) -> (Vec<Profile>, BTreeSet<String>) {
        let Some(plan) = listed_plan(desired) else {
            return Default::default();
        };
        let names = [plan.to_string(), copy_of(plan)];
        let kept = self.profiles.iter().map(|(id, profile)| Profile {
            id: row(*id),
            ..profile.clone()
        });
        let listed = sessions.iter().filter(|live| live.is_listed);
        (
            kept.filter(|profile| names.contains(&profile.name)).collect(),
            listed.map(|live| Self::address(&live.name)).collect(),
        )
    }

    fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.values().find(|profile| profile.name == name)
    }

    /// A profile that the operator has made.
    pub fn prepare(&mut self, name: &str) {
        self.next += 1;
        let profile = Profile {
            name: name.to_owned(),
            ..Profile::default()
        };
        self.profiles.insert(self.next, profile);
    }

    /// Performs a write; `false` when the router refuses it.
    pub fn apply(&mut self, op: &Op, password: &str) -> bool {
        self.next += 1;
        match op {
            Op::AddSecret {
                name,
                profile,
                disabled,
                comment,
            } => {
                if self.secrets.values().any(|kept| kept.name == *name) {
                    return false;
                }
                let kept = Kept {
                    name: name.clone(),
                    service: SERVICE.to_owned(),
                    profile: profile.clone(),
                    disabled: *disabled,
                    remote_address: String::new(),
                    comment: comment.clone(),
                    password: password.to_owned(),
                };
                self.secrets.insert(self.next, kept);
            }
            Op::SetSecret { id, fields } => {
                let Some(kept) = self.secrets.get_mut(&number(id)) else {
                    return false;
                };
                for (field, value) in fields {
                    match *field {
                        "name" => kept.name.clone_from(value),
                        "service" => kept.service.clone_from(value),
                        "profile" => kept.profile.clone_from(value),
                        "disabled" => kept.disabled = value == "yes",
                        "comment" => kept.comment.clone_from(value),
                        _ => return false,
                    }
                }
            }
            Op::ClearRemoteAddress { id } => match self.secrets.get_mut(&number(id)) {
                Some(kept) => kept.remote_address.clear(),
                None => return false,
            },
            Op::SetPassword { id } => match self.secrets.get_mut(&number(id)) {
                Some(kept) => password.clone_into(&mut kept.password),
                None => return false,
            },
            Op::RemoveSecret { id } => {
                self.secrets.remove(&number(id));
            }
            Op::AddProfile { fields } => {
                let mut profile = Profile::default();
                put(&mut profile, fields);
                // Somebody was quicker: that is no failure of the write.
                if self.profile(&profile.name).is_none() {
                    self.profiles.insert(self.next, profile);
                }
            }
            Op::SetProfile { id, fields } => match self.profiles.get_mut(&number(id)) {
                Some(profile) => put(profile, fields),
                None => return false,
            },
            Op::ClearProfile { id, field } => match self.profiles.get_mut(&number(id)) {
                Some(profile) => drop(profile.terms.remove(field)),
                None => return false,
            },
        }
        true
    }

    /// Ends a session if its id still means the same one.
    pub fn kick(&mut self, session: &Session) {
        self.sessions
            .retain(|live| row(live.id) != session.id || live.session_id.to_string() != session.session_id);
    }

    /// Every modem without a session dials; whoever has an account that is not disabled gets one.
    pub fn dial_in(&mut self) {
        let waiting: Vec<(String, String)> = self
            .secrets
            .values()
            .filter(|kept| !kept.disabled && !self.sessions.iter().any(|live| live.name == kept.name))
            .map(|kept| (kept.name.clone(), kept.profile.clone()))
            .collect();
        for (name, profile) in waiting {
            self.next += 1;
            let began = self.profile(&profile);
            let is_listed = began.is_some_and(|profile| profile.address_list == ISOLIR_LIST);
            self.sessions.push(Live {
                id: self.next,
                name,
                session_id: self.next,
                profile,
                is_listed,
            });
        }
    }
}
