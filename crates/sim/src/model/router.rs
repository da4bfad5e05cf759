//! A router: secrets, sessions and the isolir list, and customers' modems that dial whenever they may.

use std::collections::BTreeMap;

use simpul_adapters::provisioning::diff::{Actual, Listed, Op, Password, SERVICE, Secret, Session};
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
}

/// One router.
#[derive(Debug, Clone, Default)]
pub struct Router {
    pub serial: String,
    /// Whether the login may read passwords.
    pub shows_passwords: bool,
    pub secrets: BTreeMap<u64, Kept>,
    pub sessions: Vec<Live>,
    pub listed: BTreeMap<u64, (String, String)>,
    pub offline_until_ms: u64,
    pub stranger_until_ms: u64,
    next: u64,
}

fn row(id: u64) -> String {
    format!("*{id:X}")
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
        let sessions = self.sessions.iter().filter(|live| named(&live.name));
        let listed = self.listed.iter().filter(|(_, (_, comment))| comment == marker);
        Actual {
            sessions: sessions
                .map(|live| Session {
                    id: row(live.id),
                    name: live.name.clone(),
                    session_id: live.session_id.to_string(),
                    address: Self::address(&live.name),
                })
                .collect(),
            listed: listed
                .map(|(id, (address, _))| Listed {
                    id: row(*id),
                    address: address.clone(),
                })
                .collect(),
            secrets,
        }
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
            Op::List { address, comment } => {
                // Whatever the comment: an address is on a list once.
                if self.listed.values().any(|(known, _)| known == address) {
                    return false;
                }
                self.listed.insert(self.next, (address.clone(), comment.clone()));
            }
            Op::Unlist { id } => {
                self.listed.remove(&number(id));
            }
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
            self.sessions.push(Live {
                id: self.next,
                name,
                session_id: self.next,
                profile,
            });
        }
    }
}
