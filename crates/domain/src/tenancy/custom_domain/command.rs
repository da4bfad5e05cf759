//! What can be asked of a domain.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{DomainName, DomainStatus};
use crate::CustomDomainId;

/// What the DNS said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// The record is there, with this request's token.
    Proof,
    /// An authoritative answer, without it.
    NoProof,
    /// No answer, or none to be believed: nothing is known.
    Nothing,
}

/// Commands of `tenancy.custom_domain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomDomainCommand {
    /// `token`: what the record must say. A request that is there already keeps its own.
    Request {
        domain: CustomDomainId,
        name: DomainName,
        token: String,
        at: DateTime<Utc>,
    },
    /// What was seen about the request with this token, asked while the domain stood at `status`. Of another request, or of
    /// a domain that another look has moved on since, it says nothing: answers come in any order.
    Observe {
        token: String,
        status: DomainStatus,
        observed: Observed,
        at: DateTime<Utc>,
    },
    Release {
        reason: String,
        at: DateTime<Utc>,
    },
    /// The platform takes the name away, whether the tenant has it or not: it does not get it again until it is allowed.
    Revoke {
        domain: CustomDomainId,
        name: DomainName,
        reason: String,
        at: DateTime<Utc>,
    },
    /// The tenant may ask for the name again.
    Allow {
        at: DateTime<Utc>,
    },
}
