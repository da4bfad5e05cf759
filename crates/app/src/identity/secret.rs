//! Random secrets: refresh tokens, keys of machines, and tickets.
//!
//! `<prefix><base64url(tenant ‖ 256 random bits ‖ checksum)>`. The prefix lets scanners find a leaked one and the
//! checksum tells a typing error from an attack, both without a look-up. Kept is only the SHA-256: what is random
//! needs no slow hash.

use aws_lc_rs::{digest, rand};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use simpul_domain::TenantId;
use simpul_event_store::inline::identity::SecretHash;
use uuid::Uuid;
use zeroize::Zeroizing;

const TENANT_BYTES: usize = 16;
const RANDOM_BYTES: usize = 32;
const CHECK_BYTES: usize = 4;
const BODY_BYTES: usize = TENANT_BYTES + RANDOM_BYTES;

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    Refresh,
    ApiKey,
    Invitation,
    PasswordReset,
    EmailChange,
    Challenge,
}

impl SecretKind {
    /// What its text begins with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "smprt_",
            Self::ApiKey => "smpak_",
            Self::Invitation => "smpin_",
            Self::PasswordReset => "smpre_",
            Self::EmailChange => "smpec_",
            Self::Challenge => "smpch_",
        }
    }
}

/// A secret as its holder gets it, once, and as it is kept.
#[derive(Debug, Clone)]
pub struct Minted {
    pub text: SecretString,
    pub hash: SecretHash,
}

/// The machine has no randomness: nothing secret can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no randomness")]
pub struct NoRandomness;

/// A new secret of a tenant.
pub fn mint(kind: SecretKind, tenant: TenantId) -> Result<Minted, NoRandomness> {
    let mut body = Zeroizing::new([0_u8; BODY_BYTES]);
    body[..TENANT_BYTES].copy_from_slice(tenant.as_uuid().as_bytes());
    rand::fill(&mut body[TENANT_BYTES..]).map_err(|_| NoRandomness)?;
    let mut bytes = Zeroizing::new([0_u8; BODY_BYTES + CHECK_BYTES]);
    bytes[..BODY_BYTES].copy_from_slice(body.as_slice());
    bytes[BODY_BYTES..].copy_from_slice(&checksum(kind, body.as_slice()));
    let text = format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(bytes.as_slice()));
    Ok(Minted {
        hash: hash(&text),
        text: SecretString::from(text),
    })
}

/// The tenant that a text names and its hash, if it can be a secret of this kind at all.
pub fn read(kind: SecretKind, text: &str) -> Option<(TenantId, SecretHash)> {
    let encoded = text.strip_prefix(kind.prefix())?;
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).ok()?);
    let (body, check) = bytes.split_at_checked(BODY_BYTES)?;
    if check != checksum(kind, body) {
        return None;
    }
    let tenant = Uuid::from_slice(&body[..TENANT_BYTES]).ok()?;
    Some((TenantId::new(tenant), hash(text)))
}

/// SHA-256 of a text.
pub fn hash(text: &str) -> SecretHash {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let mut hash = SecretHash::default();
    hash.copy_from_slice(digest.as_ref());
    hash
}

fn checksum(kind: SecretKind, body: &[u8]) -> [u8; CHECK_BYTES] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(kind.prefix().as_bytes());
    context.update(body);
    let digest = context.finish();
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&digest.as_ref()[..CHECK_BYTES]);
    check
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_names_its_tenant_and_is_good_for_one_purpose_only() {
        let tenant = TenantId::new(Uuid::from_u128(7));
        let minted = mint(SecretKind::Refresh, tenant).expect("a secret");
        let text = minted.text.expose_secret();
        assert_eq!(read(SecretKind::Refresh, text), Some((tenant, minted.hash)));
        let other = text.replacen("smprt_", "smpak_", 1);
        assert_eq!(read(SecretKind::ApiKey, &other), None);
        assert_eq!(read(SecretKind::Invitation, text), None);
    }

    #[test]
    fn one_wrong_letter_is_noticed_without_a_look_up() {
        let minted = mint(SecretKind::ApiKey, TenantId::PLATFORM).expect("a secret");
        let text = minted.text.expose_secret();
        for at in SecretKind::ApiKey.prefix().len()..text.len() - 1 {
            let mut changed = text.to_owned().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(
                changed == text || read(SecretKind::ApiKey, &changed).is_none(),
                "letter {at}"
            );
        }
        for rubbish in ["", "smpak_", "smpak_AAAA", "smpak_!", "Bearer"] {
            assert_eq!(read(SecretKind::ApiKey, rubbish), None, "{rubbish}");
        }
    }

    #[test]
    fn no_two_secrets_are_the_same() {
        let make = |_| {
            mint(SecretKind::Refresh, TenantId::PLATFORM)
                .expect("a secret")
                .hash
        };
        let all: HashSet<SecretHash> = (0..1_000).map(make).collect();
        assert_eq!(all.len(), 1_000);
    }
}
