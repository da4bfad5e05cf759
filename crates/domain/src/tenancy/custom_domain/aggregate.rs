//! State and decisions of a domain.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    CustomDomainCommand, CustomDomainError, CustomDomainEvent, DomainAllowed, DomainLapsed, DomainName,
    DomainProved, DomainReleased, DomainRequested, DomainRevoked, Observed, ProofFound, ProofMissed,
};
use crate::{CustomDomainId, Decider, aggregate};

/// A request that is not proved within this is over.
const PROOF_WITHIN: TimeDelta = TimeDelta::days(7);
/// How long the record of an active domain may be missing: longer than caches and a change of the provider take.
const MISSING_FOR: TimeDelta = TimeDelta::days(3);
/// How often a request is looked at.
const EVERY_WHILE_REQUESTED: TimeDelta = TimeDelta::minutes(10);
/// How often an active domain is looked at.
const EVERY_WHILE_ACTIVE: TimeDelta = TimeDelta::hours(12);

/// Where a domain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DomainStatus {
    #[default]
    Absent,
    /// Waits for its proof.
    Requested { since: DateTime<Utc> },
    /// Leads to the operator.
    Active,
    /// Leads to the operator, though its record is not there.
    Unproved { since: DateTime<Utc> },
    /// The operator's no more.
    Over,
    /// Taken away by the platform.
    Revoked,
}

impl DomainStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "ABSENT",
            Self::Requested { .. } => "REQUESTED",
            Self::Active => "ACTIVE",
            Self::Unproved { .. } => "UNPROVED",
            Self::Over => "OVER",
            Self::Revoked => "REVOKED",
        }
    }

    const fn leads(self) -> bool {
        match self {
            Self::Active | Self::Unproved { .. } => true,
            Self::Absent | Self::Requested { .. } | Self::Over | Self::Revoked => false,
        }
    }
}

/// One domain of one operator.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CustomDomain {
    status: DomainStatus,
    known: Option<Known>,
    /// Why the platform took it away, while it has.
    #[serde(default)]
    revoked_for: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    domain: CustomDomainId,
    name: DomainName,
    /// Nothing of a name that the tenant never asked for.
    token: Option<String>,
}

aggregate!(CustomDomain);

impl CustomDomain {
    pub const fn status(&self) -> DomainStatus {
        self.status
    }

    pub fn name(&self) -> Option<&DomainName> {
        self.known.as_ref().map(|known| &known.name)
    }

    /// What the record must say.
    pub fn token(&self) -> Option<&str> {
        self.known.as_ref()?.token.as_deref()
    }

    /// Why the platform took it away, while it has.
    pub fn revoked_for(&self) -> Option<&str> {
        self.revoked_for.as_deref()
    }

    /// When it is looked at next, after a look at `at`; never when it is over.
    pub fn next_look(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.status {
            DomainStatus::Requested { .. } => Some(at + EVERY_WHILE_REQUESTED),
            DomainStatus::Active | DomainStatus::Unproved { .. } => Some(at + EVERY_WHILE_ACTIVE),
            DomainStatus::Absent | DomainStatus::Over | DomainStatus::Revoked => None,
        }
    }

    fn observe(&self, known: &Known, observed: Observed, at: DateTime<Utc>) -> Option<CustomDomainEvent> {
        let (domain, name) = (known.domain, known.name.clone());
        let lapsed = |name, was_active| {
            CustomDomainEvent::Lapsed(DomainLapsed {
                domain,
                name,
                was_active,
                at,
            })
        };
        match (self.status, observed) {
            (DomainStatus::Requested { .. }, Observed::Proof) => {
                Some(CustomDomainEvent::Proved(DomainProved { domain, name, at }))
            }
            (DomainStatus::Requested { since }, Observed::NoProof | Observed::Nothing) => {
                (at - since >= PROOF_WITHIN).then(|| lapsed(name, false))
            }
            (DomainStatus::Active, Observed::NoProof) => {
                Some(CustomDomainEvent::ProofMissed(ProofMissed { domain, name, at }))
            }
            (DomainStatus::Unproved { .. }, Observed::Proof) => {
                Some(CustomDomainEvent::ProofFound(ProofFound { domain, name, at }))
            }
            (DomainStatus::Unproved { since }, Observed::NoProof) => {
                (at - since >= MISSING_FOR).then(|| lapsed(name, true))
            }
            (DomainStatus::Active, Observed::Proof | Observed::Nothing)
            | (DomainStatus::Unproved { .. }, Observed::Nothing)
            | (DomainStatus::Absent | DomainStatus::Over | DomainStatus::Revoked, _) => None,
        }
    }

    fn release(&self, known: &Known, reason: String, at: DateTime<Utc>) -> Option<CustomDomainEvent> {
        match self.status {
            DomainStatus::Absent | DomainStatus::Over | DomainStatus::Revoked => None,
            DomainStatus::Requested { .. } | DomainStatus::Active | DomainStatus::Unproved { .. } => {
                Some(CustomDomainEvent::Released(DomainReleased {
                    domain: known.domain,
                    name: known.name.clone(),
                    was_active: self.status.leads(),
                    reason,
                    at,
                }))
            }
        }
    }

    /// A request that goes on is the same request.
    fn request(&self, requested: DomainRequested) -> Result<Option<CustomDomainEvent>, CustomDomainError> {
        match self.status {
            DomainStatus::Absent | DomainStatus::Over => Ok(Some(CustomDomainEvent::Requested(requested))),
            DomainStatus::Requested { .. } | DomainStatus::Active | DomainStatus::Unproved { .. } => Ok(None),
            DomainStatus::Revoked => Err(CustomDomainError::Revoked {
                reason: self.revoked_for.clone().unwrap_or_default(),
            }),
        }
    }

    fn allow(&self, known: &Known, at: DateTime<Utc>) -> Option<CustomDomainEvent> {
        let allowed = || DomainAllowed {
            domain: known.domain,
            name: known.name.clone(),
            at,
        };
        (self.status == DomainStatus::Revoked).then(|| CustomDomainEvent::Allowed(allowed()))
    }
}

impl Decider for CustomDomain {
    const TYPE: &'static str = "tenancy.custom_domain";
    const STATE_VERSION: i32 = 2;
    type Command = CustomDomainCommand;
    type Event = CustomDomainEvent;
    type Error = CustomDomainError;

    fn decide(&self, command: CustomDomainCommand) -> Result<Vec<CustomDomainEvent>, CustomDomainError> {
        let event = match (&self.known, command) {
            (
                _,
                CustomDomainCommand::Request {
                    domain,
                    name,
                    token,
                    at,
                },
            ) => self.request(DomainRequested {
                domain,
                name,
                token,
                at,
            })?,
            (
                _,
                CustomDomainCommand::Revoke {
                    domain,
                    name,
                    reason,
                    at,
                },
            ) => (self.status != DomainStatus::Revoked).then(|| {
                CustomDomainEvent::Revoked(DomainRevoked {
                    domain,
                    name,
                    was_active: self.status.leads(),
                    reason,
                    at,
                })
            }),
            (
                None,
                CustomDomainCommand::Observe { .. }
                | CustomDomainCommand::Release { .. }
                | CustomDomainCommand::Allow { .. },
            ) => return Err(CustomDomainError::NotFound),
            (Some(known), CustomDomainCommand::Allow { at }) => self.allow(known, at),
            (
                Some(known),
                CustomDomainCommand::Observe {
                    token,
                    status,
                    observed,
                    at,
                },
            ) => {
                if known.token.as_ref() == Some(&token) && self.status == status {
                    self.observe(known, observed, at)
                } else {
                    None
                }
            }
            (Some(known), CustomDomainCommand::Release { reason, at }) => self.release(known, reason, at),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(&mut self, event: &CustomDomainEvent) {
        self.status = match event {
            CustomDomainEvent::Requested(requested) => {
                self.known = Some(Known {
                    domain: requested.domain,
                    name: requested.name.clone(),
                    token: Some(requested.token.clone()),
                });
                DomainStatus::Requested { since: requested.at }
            }
            CustomDomainEvent::Proved(_) | CustomDomainEvent::ProofFound(_) => DomainStatus::Active,
            CustomDomainEvent::ProofMissed(missed) => DomainStatus::Unproved { since: missed.at },
            CustomDomainEvent::Lapsed(_) | CustomDomainEvent::Released(_) => DomainStatus::Over,
            CustomDomainEvent::Revoked(revoked) => {
                self.known.get_or_insert_with(|| Known {
                    domain: revoked.domain,
                    name: revoked.name.clone(),
                    token: None,
                });
                self.revoked_for = Some(revoked.reason.clone());
                DomainStatus::Revoked
            }
            CustomDomainEvent::Allowed(_) => {
                self.revoked_for = None;
                DomainStatus::Over
            }
        };
    }
}
