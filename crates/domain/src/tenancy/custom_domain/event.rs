//! What happened to a domain.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DomainName;
use crate::{CustomDomainId, stored_events};

/// Events of `tenancy.custom_domain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CustomDomainEvent {
    #[serde(rename = "tenancy.custom_domain.requested")]
    Requested(DomainRequested),
    #[serde(rename = "tenancy.custom_domain.proved")]
    Proved(DomainProved),
    #[serde(rename = "tenancy.custom_domain.proof_missed")]
    ProofMissed(ProofMissed),
    #[serde(rename = "tenancy.custom_domain.proof_found")]
    ProofFound(ProofFound),
    #[serde(rename = "tenancy.custom_domain.lapsed")]
    Lapsed(DomainLapsed),
    #[serde(rename = "tenancy.custom_domain.released")]
    Released(DomainReleased),
    #[serde(rename = "tenancy.custom_domain.revoked")]
    Revoked(DomainRevoked),
    #[serde(rename = "tenancy.custom_domain.allowed")]
    Allowed(DomainAllowed),
}

stored_events!(CustomDomainEvent {
    Requested => "tenancy.custom_domain.requested", "1";
    Proved => "tenancy.custom_domain.proved", "1";
    ProofMissed => "tenancy.custom_domain.proof_missed", "1";
    ProofFound => "tenancy.custom_domain.proof_found", "1";
    Lapsed => "tenancy.custom_domain.lapsed", "1";
    Released => "tenancy.custom_domain.released", "1";
    Revoked => "tenancy.custom_domain.revoked", "1";
    Allowed => "tenancy.custom_domain.allowed", "1";
});

impl CustomDomainEvent {
    /// Which domain, and when it happened.
    pub const fn subject(&self) -> (CustomDomainId, &DomainName, DateTime<Utc>) {
        match self {
            Self::Requested(event) => (event.domain, &event.name, event.at),
            Self::Proved(event) => (event.domain, &event.name, event.at),
            Self::ProofMissed(event) => (event.domain, &event.name, event.at),
            Self::ProofFound(event) => (event.domain, &event.name, event.at),
            Self::Lapsed(event) => (event.domain, &event.name, event.at),
            Self::Released(event) => (event.domain, &event.name, event.at),
            Self::Revoked(event) => (event.domain, &event.name, event.at),
            Self::Allowed(event) => (event.domain, &event.name, event.at),
        }
    }
}

/// The operator wants to be found there. The record is public, and so is the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DomainRequested {
    pub domain: CustomDomainId,
    pub name: DomainName,
    pub token: String,
    pub at: DateTime<Utc>,
}

/// The record was seen: the name leads to the operator from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DomainProved {
    pub domain: CustomDomainId,
    pub name: DomainName,
    pub at: DateTime<Utc>,
}

/// The record is not there any more. The name still leads to the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProofMissed {
    pub domain: CustomDomainId,
    pub name: DomainName,
    pub at: DateTime<Utc>,
}

/// The record is there again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProofFound {
    pub domain: CustomDomainId,
    pub name: DomainName,
    pub at: DateTime<Utc>,
}

/// Nobody proved it in time, or the record was missing for too long: the name leads to the operator no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DomainLapsed {
    pub domain: CustomDomainId,
    pub name: DomainName,
    /// Whether it led to the operator until now.
    pub was_active: bool,
    pub at: DateTime<Utc>,
}

/// Given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DomainReleased {
    pub domain: CustomDomainId,
    pub name: DomainName,
    /// Whether it led to the operator until now.
    pub was_active: bool,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// Taken away by the platform, and kept from the operator until it is allowed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DomainRevoked {
    pub domain: CustomDomainId,
    pub name: DomainName,
    /// Whether it led to the operator until now.
    pub was_active: bool,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// The operator may ask for it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DomainAllowed {
    pub domain: CustomDomainId,
    pub name: DomainName,
    pub at: DateTime<Utc>,
}
