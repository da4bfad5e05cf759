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
        let [sealed] = Self::seal_all(work, subject, [(field, self)]).await?;
        Ok(sealed)
    }

    /// Seals several values of one subject, each with its field, in one transaction.
    pub(crate) async fn seal_all<const N: usize>(
        work: &Work<'_>,
        subject: &str,
        values: [(&str, &Self); N],
    ) -> Result<[Sealed; N], StoreError> {
        let values = values.map(|(field, value)| (field, value.as_str()));
        let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
        let sealed = work.store().vault().seal_all(&mut tx, subject, values).await?;
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
