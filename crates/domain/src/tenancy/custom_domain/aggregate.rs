//! State and decisions of a domain.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    CustomDomainCommand, CustomDomainError, CustomDomainEvent, DomainLapsed, DomainName, DomainProved,
    DomainReleased, DomainRequested, Observed, ProofFound, ProofMissed,
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
}

impl DomainStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "ABSENT",
            Self::Requested { .. } => "REQUESTED",
            Self::Active => "ACTIVE",
            Self::Unproved { .. } => "UNPROVED",
            Self::Over => "OVER",
        }
    }

    const fn leads(self) -> bool {
        match self {
            Self::Active | Self::Unproved { .. } => true,
            Self::Absent | Self::Requested { .. } | Self::Over => false,
        }
    }
}

/// One domain of one operator.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CustomDomain {
    status: DomainStatus,
    known: Option<Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    domain: CustomDomainId,
    name: DomainName,
    token: String,
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
        self.known.as_ref().map(|known| known.token.as_str())
    }

    /// When it is looked at next, after a look at `at`; never when it is over.
    pub fn next_look(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.status {
            DomainStatus::Requested { .. } => Some(at + EVERY_WHILE_REQUESTED),
            DomainStatus::Active | DomainStatus::Unproved { .. } => Some(at + EVERY_WHILE_ACTIVE),
            DomainStatus::Absent | DomainStatus::Over => None,
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
            | (DomainStatus::Absent | DomainStatus::Over, _) => None,
        }
    }

    fn release(&self, known: &Known, reason: String, at: DateTime<Utc>) -> Option<CustomDomainEvent> {
        (self.status != DomainStatus::Over).then(|| {
            CustomDomainEvent::Released(DomainReleased {
                domain: known.domain,
                name: known.name.clone(),
                was_active: self.status.leads(),
                reason,
                at,
            })
        })
    }
}

impl Decider for CustomDomain {
    const TYPE: &'static str = "tenancy.custom_domain";
    const STATE_VERSION: i32 = 1;
    type Command = CustomDomainCommand;
    type Event = CustomDomainEvent;
    type Error = CustomDomainError;

    fn decide(&self, command: CustomDomainCommand) -> Result<Vec<CustomDomainEvent>, CustomDomainError> {
        let event = match (&self.known, command) {
            (
                known,
                CustomDomainCommand::Request {
                    domain,
                    name,
                    token,
                    at,
                },
            ) => {
                let asked = known.is_some() && self.status != DomainStatus::Over;
                let requested = DomainRequested {
                    domain,
                    name,
                    token,
                    at,
                };
                (!asked).then_some(CustomDomainEvent::Requested(requested))
            }
            (None, CustomDomainCommand::Observe { .. } | CustomDomainCommand::Release { .. }) => {
                return Err(CustomDomainError::NotFound);
            }
            (Some(known), CustomDomainCommand::Observe { token, observed, at }) => {
                if known.token == token {
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
                    token: requested.token.clone(),
                });
                DomainStatus::Requested { since: requested.at }
            }
            CustomDomainEvent::Proved(_) | CustomDomainEvent::ProofFound(_) => DomainStatus::Active,
            CustomDomainEvent::ProofMissed(missed) => DomainStatus::Unproved { since: missed.at },
            CustomDomainEvent::Lapsed(_) | CustomDomainEvent::Released(_) => DomainStatus::Over,
        };
    }
}
