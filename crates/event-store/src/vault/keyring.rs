//! The keys of many subjects, read together: a page of sealed rows costs one statement, not one for each value.

use std::collections::HashMap;

use secrecy::SecretString;
use simpul_domain::{Sealed, TenantId};

use super::{Key, Vault, WRAPPED_FIELD, associated, encrypt, new_key, open_with, seal_with, unwrap_key};
use crate::{StoreError, db::TenantTx};

/// Keys of subjects as they were when they were read. Like the transaction that it belongs to it is for one answer:
/// nobody keeps it, so that an erasure holds at once.
pub struct Keyring {
    tenant: TenantId,
    keys: HashMap<String, Key>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring")
            .field("tenant", &self.tenant)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// The keys of these subjects. Those of unknown and erased ones are not on it.
    pub async fn keyring(&self, tx: &mut TenantTx, subjects: &[String]) -> Result<Keyring, StoreError> {
        let tenant = tx.tenant();
        if subjects.is_empty() {
            return Ok(Keyring::empty(tenant));
        }
        let rows = sqlx::query!(
            r#"SELECT tenant_key AS "tenant_key!", subject, wrapped FROM es.keys_of($1, $2)"#,
            tenant.as_uuid(),
            subjects
        )
        .fetch_all(&mut **tx)
        .await?;
        let data_key = match rows
            .first()
            .map(|row| self.unwrap_tenant_key(tenant, &row.tenant_key))
        {
            None | Some(Err(StoreError::Erased)) => return Ok(Keyring::empty(tenant)),
            Some(data_key) => data_key?,
        };
        let mut keys = HashMap::with_capacity(rows.len());
        for row in rows {
            if let (Some(subject), Some(wrapped)) = (row.subject, row.wrapped) {
                let key = unwrap_key(&data_key, &associated(tenant, &subject, WRAPPED_FIELD), &wrapped)?;
                keys.insert(subject, key);
            }
        }
        Ok(Keyring { tenant, keys })
    }

    /// The key of one subject, made at its first use; [`StoreError::Erased`] once it was destroyed.
    pub async fn keyring_of(&self, tx: &mut TenantTx, subject: &str) -> Result<Keyring, StoreError> {
        let key = self.subject_key(tx, subject, true).await?;
        Ok(Keyring::of_one(tx.tenant(), subject, key))
    }

    /// The key of one subject, from both as they are stored.
    pub(crate) fn key_of(
        &self,
        tenant: TenantId,
        subject: &str,
        tenant_key: &[u8],
        subject_key: &[u8],
    ) -> Result<Keyring, StoreError> {
        let data_key = self.unwrap_tenant_key(tenant, tenant_key)?;
        let aad = associated(tenant, subject, WRAPPED_FIELD);
        let key = unwrap_key(&data_key, &aad, subject_key)?;
        Ok(Keyring::of_one(tenant, subject, key))
    }

    /// A key for a subject that has none, and as it is to be stored.
    pub(crate) fn make_key(
        &self,
        tenant: TenantId,
        subject: &str,
        tenant_key: &[u8],
    ) -> Result<(Keyring, Vec<u8>), StoreError> {
        let data_key = self.unwrap_tenant_key(tenant, tenant_key)?;
        let key = new_key()?;
        let aad = associated(tenant, subject, WRAPPED_FIELD);
        let wrapped = encrypt(&data_key, &aad, key.as_slice())?;
        Ok((Keyring::of_one(tenant, subject, key), wrapped))
    }
}

impl Keyring {
    /// Without any key: everybody is erased.
    pub fn empty(tenant: TenantId) -> Self {
        let keys = HashMap::new();
        Self { tenant, keys }
    }

    fn of_one(tenant: TenantId, subject: &str, key: Key) -> Self {
        let keys = HashMap::from([(subject.to_owned(), key)]);
        Self { tenant, keys }
    }

    /// Seals a value; [`StoreError::Erased`] when its subject's key is not there.
    pub fn seal(&self, subject: &str, field: &str, plain: &str) -> Result<Sealed, StoreError> {
        let key = self.keys.get(subject).ok_or(StoreError::Erased)?;
        seal_with(key, &associated(self.tenant, subject, field), plain)
    }

    /// Opens a sealed value; [`StoreError::Erased`] when its subject's key is not there.
    pub fn open(&self, subject: &str, field: &str, sealed: &Sealed) -> Result<SecretString, StoreError> {
        let key = self.keys.get(subject).ok_or(StoreError::Erased)?;
        open_with(key, &associated(self.tenant, subject, field), sealed)
    }
}
