//! Domains that a tenant may not have (F30).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    super::{AccountError, AccountEvent, DomainAllowed, DomainRevoked},
    Details, checked,
};
use crate::tenancy::DomainName;

/// Why a domain was taken away, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    pub reason: String,
    pub at: DateTime<Utc>,
}

impl Details {
    pub(super) fn revoke_domain(
        &self,
        name: DomainName,
        reason: String,
        at: DateTime<Utc>,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        if self.revoked.contains_key(&name) {
            return Ok(Vec::new());
        }
        Ok(vec![AccountEvent::DomainRevoked(DomainRevoked {
            tenant: self.tenant,
            name,
            reason: checked(reason)?,
            at,
        })])
    }

    pub(super) fn allow_domain(&self, name: DomainName, at: DateTime<Utc>) -> Vec<AccountEvent> {
        if !self.revoked.contains_key(&name) {
            return Vec::new();
        }
        let tenant = self.tenant;
        vec![AccountEvent::DomainAllowed(DomainAllowed { tenant, name, at })]
    }
}
