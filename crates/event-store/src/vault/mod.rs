//! Envelope encryption of personal data and secrets, and its destruction.
//!
//! The master key (from the environment or a KMS, never in the database) wraps one data key per tenant, which
//! wraps one key per subject. A sealed value is `0x01 ‖ nonce ‖ ciphertext ‖ tag` (AES-256-GCM, random nonce),
//! bound by its associated data to tenant, subject and field: moved elsewhere, it does not open. Destroying a
//! subject's key makes its values unreadable for ever, and the hash chain over the ciphertext still verifies
//! (`facts/reliability.md` 4.6, UU 27/2022).

mod keyring;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hmac, rand,
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use simpul_domain::{Sealed, TenantId};
use zeroize::Zeroizing;

pub use self::keyring::Keyring;
use crate::{StoreError, db::TenantTx};

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 12;
const FORMAT: u8 = 1;
const WRAPPED_FIELD: &str = "key";

type Key = Zeroizing<[u8; KEY_LEN]>;

/// The key that wraps all others, with the name under which it is kept.
#[derive(Debug)]
pub struct MasterKey {
    id: String,
    key: SecretBox<[u8; KEY_LEN]>,
}

impl MasterKey {
    /// From 64 hexadecimal digits.
    pub fn from_hex(id: &str, hex_key: &SecretString) -> Result<Self, StoreError> {
        let bytes =
            Zeroizing::new(hex::decode(hex_key.expose_secret().trim()).map_err(|_| StoreError::Seal)?);
        let key: [u8; KEY_LEN] = bytes.as_slice().try_into().map_err(|_| StoreError::Seal)?;
        Ok(Self {
            id: id.to_owned(),
            key: SecretBox::new(Box::new(key)),
        })
    }
}

/// Seals and opens values with the keys of their subjects.
pub struct Vault {
    // No other key is kept in memory: an erasure must hold at once.
    master: MasterKey,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("master", &self.master.id)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// What nobody without the master key can make of these bytes: proof that a file beside the database is ours.
    /// `purpose` keeps proofs of one kind from being shown as another.
    pub fn prove(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        let master = hmac::Key::new(hmac::HMAC_SHA256, self.master.key.expose_secret());
        let derived = hmac::sign(&master, purpose.as_bytes());
        let proof = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()), bytes);
        let mut tag = [0; 32];
        tag.copy_from_slice(proof.as_ref());
        tag
    }

    pub const fn new(master: MasterKey) -> Self {
        Self { master }
    }

    /// Seals a value of a subject (such as a customer or a router). The subject's key is made at its first use;
    /// [`StoreError::Erased`] once it was destroyed.
    pub async fn seal(
        &self,
        tx: &mut TenantTx,
        subject: &str,
        field: &str,
        plain: &str,
    ) -> Result<Sealed, StoreError> {
        let [sealed] = self.seal_all(tx, subject, [(field, plain)]).await?;
        Ok(sealed)
    }

    /// Like [`Vault::seal`], several values of one subject, each with its field.
    pub async fn seal_all<const N: usize>(
        &self,
        tx: &mut TenantTx,
        subject: &str,
        values: [(&str, &str); N],
    ) -> Result<[Sealed; N], StoreError> {
        let key = self.subject_key(tx, subject, true).await?;
        let mut sealed = Vec::with_capacity(N);
        for (field, plain) in values {
            sealed.push(seal_with(&key, &associated(tx.tenant(), subject, field), plain)?);
        }
        sealed.try_into().map_err(|_| StoreError::Seal)
    }

    /// Opens a sealed value; [`StoreError::Erased`] when its subject's key was destroyed.
    pub async fn open(
        &self,
        tx: &mut TenantTx,
        subject: &str,
        field: &str,
        sealed: &Sealed,
    ) -> Result<SecretString, StoreError> {
        let key = self.subject_key(tx, subject, false).await?;
        open_with(&key, &associated(tx.tenant(), subject, field), sealed)
    }

    /// A keyed hash for finding or claiming a value without storing it: equal within a tenant and scope, useless
    /// elsewhere.
    pub async fn blind_index(
        &self,
        tx: &mut TenantTx,
        scope: &str,
        value: &str,
    ) -> Result<String, StoreError> {
        let mut indexes = self.blind_indexes(tx, scope, &[value]).await?;
        indexes.pop().ok_or(StoreError::Seal)
    }

    /// Like [`Vault::blind_index`], of many values.
    pub async fn blind_indexes(
        &self,
        tx: &mut TenantTx,
        scope: &str,
        values: &[&str],
    ) -> Result<Vec<String>, StoreError> {
        let data_key = self.tenant_key(tx).await?;
        let scope_key = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, data_key.as_slice()),
            scope.as_bytes(),
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, scope_key.as_ref());
        let index = |value: &&str| hex::encode(hmac::sign(&key, value.as_bytes()).as_ref());
        Ok(values.iter().map(index).collect())
    }

    async fn subject_key(&self, tx: &mut TenantTx, subject: &str, make: bool) -> Result<Key, StoreError> {
        let tenant = tx.tenant();
        let stored = read_keys(tx, subject).await?;
        if !stored.known && !make {
            return Err(StoreError::Erased);
        }
        let tenant_key = match stored.tenant {
            Some(tenant_key) => tenant_key,
            None => self.make_tenant_key(tx).await?,
        };
        let data_key = self.unwrap_tenant_key(tenant, &tenant_key)?;
        let aad = associated(tenant, subject, WRAPPED_FIELD);
        if stored.known {
            return unwrap_key(&data_key, &aad, &stored.subject.ok_or(StoreError::Erased)?);
        }
        let key = new_key()?;
        let inserted = sqlx::query!(
            "INSERT INTO es.subject_keys (tenant_id, subject, wrapped) VALUES ($1, $2, $3)
             ON CONFLICT ON CONSTRAINT subject_keys_pkey DO NOTHING",
            tenant.as_uuid(),
            subject,
            encrypt(&data_key, &aad, key.as_slice())?
        )
        .execute(&mut **tx)
        .await?;
        if inserted.rows_affected() == 1 {
            return Ok(key);
        }
        // Somebody else was first: what is stored counts.
        let stored = read_keys(tx, subject).await?;
        unwrap_key(&data_key, &aad, &stored.subject.ok_or(StoreError::Erased)?)
    }

    async fn tenant_key(&self, tx: &mut TenantTx) -> Result<Key, StoreError> {
        let tenant = tx.tenant();
        // Most of the time it is there, and whoever only reads may not make one.
        let stored = match read_tenant_key(tx).await? {
            Some(stored) => stored,
            None => self.make_tenant_key(tx).await?,
        };
        self.unwrap_tenant_key(tenant, &stored)
    }

    fn unwrap_tenant_key(&self, tenant: TenantId, stored: &[u8]) -> Result<Key, StoreError> {
        // The tombstone of an erased tenant (`inline::erasure`).
        if stored.is_empty() {
            return Err(StoreError::Erased);
        }
        unwrap_key(self.master.key.expose_secret(), &self.bound(tenant), stored)
    }

    /// What a tenant's key is bound to.
    fn bound(&self, tenant: TenantId) -> Vec<u8> {
        associated(tenant, &self.master.id, WRAPPED_FIELD)
    }

    async fn make_tenant_key(&self, tx: &mut TenantTx) -> Result<Vec<u8>, StoreError> {
        let tenant = tx.tenant();
        let master = self.master.key.expose_secret();
        let wrapped = encrypt(master, &self.bound(tenant), new_key()?.as_slice())?;
        sqlx::query!(
            "INSERT INTO es.tenant_keys (tenant_id, master_id, wrapped) VALUES ($1, $2, $3)
             ON CONFLICT ON CONSTRAINT tenant_keys_pkey DO NOTHING",
            tenant.as_uuid(),
            self.master.id,
            wrapped
        )
        .execute(&mut **tx)
        .await?;
        // Somebody else may have been first: what is stored counts.
        read_tenant_key(tx).await?.ok_or(StoreError::Seal)
    }

    /// The tenant's data key in hexadecimal digits, for an installation with another master key.
    pub(crate) async fn data_key(&self, tx: &mut TenantTx) -> Result<SecretString, StoreError> {
        let key = self.tenant_key(tx).await?;
        Ok(SecretString::from(hex::encode(key.as_slice())))
    }

    /// Wraps a tenant's data key that was made elsewhere. There must be none yet.
    pub(crate) async fn adopt(&self, tx: &mut TenantTx, key: &str) -> Result<(), StoreError> {
        let bytes = Zeroizing::new(hex::decode(key).map_err(|_| StoreError::Seal)?);
        let key: Key = Zeroizing::new(bytes.as_slice().try_into().map_err(|_| StoreError::Seal)?);
        let tenant = tx.tenant();
        let master = self.master.key.expose_secret();
        let wrapped = encrypt(master, &self.bound(tenant), key.as_slice())?;
        sqlx::query!(
            "INSERT INTO es.tenant_keys (tenant_id, master_id, wrapped) VALUES ($1, $2, $3)",
            tenant.as_uuid(),
            self.master.id,
            wrapped
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}

/// Destroys a subject's key. Its values cannot be read from then on, by anybody.
pub async fn destroy(tx: &mut TenantTx, subject: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.subject_keys (tenant_id, subject, destroyed_at) VALUES ($1, $2, now())
         ON CONFLICT ON CONSTRAINT subject_keys_pkey DO UPDATE SET wrapped = NULL, destroyed_at = now()",
        tenant.as_uuid(),
        subject
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn read_tenant_key(tx: &mut TenantTx) -> Result<Option<Vec<u8>>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        "SELECT wrapped FROM es.tenant_keys WHERE tenant_id = $1",
        tenant.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// The keys of a tenant and of one of its subjects, as they are stored.
struct StoredKeys {
    tenant: Option<Vec<u8>>,
    /// Whether the subject has, or had, a key.
    known: bool,
    /// `None` also when it was destroyed.
    subject: Option<Vec<u8>>,
}

async fn read_keys(tx: &mut TenantTx, subject: &str) -> Result<StoredKeys, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        StoredKeys,
        r#"SELECT t.wrapped AS "tenant?", s.subject IS NOT NULL AS "known!", s.wrapped AS "subject?"
           FROM (SELECT 1) AS one
           LEFT JOIN es.tenant_keys t ON t.tenant_id = $1
           LEFT JOIN es.subject_keys s ON s.tenant_id = $1 AND s.subject = $2"#,
        tenant.as_uuid(),
        subject
    )
    .fetch_one(&mut **tx)
    .await?)
}

fn seal_with(key: &Key, aad: &[u8], plain: &str) -> Result<Sealed, StoreError> {
    let blob = encrypt(key, aad, plain.as_bytes())?;
    Ok(Sealed::new(STANDARD_NO_PAD.encode(blob)))
}

fn open_with(key: &Key, aad: &[u8], sealed: &Sealed) -> Result<SecretString, StoreError> {
    let blob = STANDARD_NO_PAD
        .decode(sealed.as_str())
        .map_err(|_| StoreError::Seal)?;
    let plain = decrypt(key, aad, &blob)?;
    let text = std::str::from_utf8(&plain).map_err(|_| StoreError::Seal)?;
    Ok(SecretString::from(text))
}

fn new_key() -> Result<Key, StoreError> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    rand::fill(key.as_mut_slice()).map_err(|_| StoreError::Seal)?;
    Ok(key)
}

fn unwrap_key(outer: &[u8; KEY_LEN], aad: &[u8], wrapped: &[u8]) -> Result<Key, StoreError> {
    let plain = decrypt(outer, aad, wrapped)?;
    Ok(Zeroizing::new(
        plain.as_slice().try_into().map_err(|_| StoreError::Seal)?,
    ))
}

/// Length-prefixed, so that no two (tenant, subject, field) give the same bytes.
fn associated(tenant: TenantId, subject: &str, field: &str) -> Vec<u8> {
    let tenant = tenant.to_string();
    let mut bytes = Vec::with_capacity(96);
    for part in ["simpul/secret/v1", &tenant, subject, field] {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

fn encrypt(key: &[u8; KEY_LEN], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| StoreError::Seal)?;
    let mut body = plain.to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(aad), &mut body)
        .map_err(|_| StoreError::Seal)?;
    let mut blob = Vec::with_capacity(1 + NONCE_LEN + body.len());
    blob.push(FORMAT);
    blob.extend_from_slice(nonce.as_ref());
    blob.append(&mut body);
    Ok(blob)
}

fn decrypt(key: &[u8; KEY_LEN], aad: &[u8], blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let (&format, rest) = blob.split_first().ok_or(StoreError::Seal)?;
    if format != FORMAT || rest.len() < NONCE_LEN {
        return Err(StoreError::Seal);
    }
    let (nonce, body) = rest.split_at(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| StoreError::Seal)?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| StoreError::Seal)?;
    let mut body = Zeroizing::new(body.to_vec());
    let length = key
        .open_in_place(nonce, Aad::from(aad), &mut body)
        .map_err(|_| StoreError::Seal)?
        .len();
    body.truncate(length);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use simpul_domain::TenantId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_blob_opens_only_where_it_was_sealed_and_only_unchanged() {
        let tenant = TenantId::new(Uuid::from_u128(1));
        let key = new_key().expect("key");
        let aad = associated(tenant, "cus_1", "name");
        let blob = encrypt(&key, &aad, b"Budi").expect("sealed");
        assert_eq!(decrypt(&key, &aad, &blob).expect("opens").as_slice(), b"Budi");
        let other = TenantId::new(Uuid::from_u128(2));
        let elsewhere = [
            associated(other, "cus_1", "name"),
            associated(tenant, "cus_2", "name"),
            associated(tenant, "cus_1", "phone"),
        ];
        for aad in elsewhere {
            assert!(decrypt(&key, &aad, &blob).is_err());
        }
        for bit in 0..blob.len() * 8 {
            let mut flipped = blob.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decrypt(&key, &aad, &flipped).is_err(), "bit {bit}");
        }
        for length in 0..blob.len() {
            assert!(decrypt(&key, &aad, &blob[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn the_same_value_never_seals_the_same_way() {
        let key = new_key().expect("key");
        let blobs: std::collections::HashSet<_> = (0..1_000)
            .map(|_| encrypt(&key, b"", b"Budi").expect("sealed"))
            .collect();
        assert_eq!(blobs.len(), 1_000);
    }
}
