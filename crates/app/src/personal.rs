//! A personal or secret value on its way into the vault.

use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use simpul_domain::{Sealed, TenantId};
use simpul_event_store::{EventStore, StoreError, Work};

/// Clear text inside a command. It is serialised for the command's fingerprint only and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal(String);

impl Personal {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Seals the value with the key of its subject.
    pub(crate) async fn seal(
        &self,
        work: &Work<'_>,
        subject: &str,
        field: &str,
    ) -> Result<Sealed, StoreError> {
        let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
        let sealed = work
            .store()
            .vault()
            .seal(&mut tx, subject, field, &self.0)
            .await?;
        tx.commit().await?;
        Ok(sealed)
    }

    /// Opens what was sealed, on its way into another tenant's vault.
    pub(crate) async fn open(
        store: &EventStore,
        tenant: TenantId,
        (subject, field): (&str, &str),
        sealed: &Sealed,
    ) -> Result<Self, StoreError> {
        let mut tx = store.db().tenant_tx(tenant).await?;
        let opened = store.vault().open(&mut tx, subject, field, sealed).await?;
        tx.commit().await?;
        Ok(Self(opened.expose_secret().to_owned()))
    }
}

impl std::fmt::Debug for Personal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Personal(…)")
    }
}
