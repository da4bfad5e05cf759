//! Who sent a request: an access token (RFC 9068), RS256 with keys of at least 3072 bits.
//!
//! The token names the user and the tenant; nothing else of a request does. Its audience is the surface that it is
//! good for. One algorithm, fixed here: the header's
//! `alg` is compared, never obeyed. Time comes from the store's clock, with 30 seconds of leeway.

use std::{collections::BTreeMap, fmt};

use aws_lc_rs::{
    digest,
    encoding::AsDer as _,
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use simpul_domain::{TenantId, UserId};
use zeroize::Zeroizing;

use crate::Surface;

/// Smallest modulus that is accepted.
pub const MIN_KEY_BITS: usize = 3072;
/// How far clocks may differ.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);
const ALGORITHM: Algorithm = Algorithm::RS256;
const TOKEN_TYPE: &str = "at+jwt";
/// Longest token that is looked at.
const MAX_TOKEN_BYTES: usize = 4096;
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// Who asks, for which tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewer {
    pub user: UserId,
    pub tenant: TenantId,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    tid: TenantId,
    /// Seconds since 1970.
    iat: i64,
    exp: i64,
}

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the signing key is not an RSA key in a PKCS#8 PEM file")]
    Unreadable,
    #[error("the signing key is shorter than {MIN_KEY_BITS} bits")]
    TooShort,
    #[error("no key could be made")]
    Generate,
}

/// Why a token is not believed. The client is told none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("not a token of ours")]
    Malformed,
    #[error("signed with an unknown key")]
    UnknownKey,
    #[error("wrong signature, issuer or audience")]
    Invalid,
    #[error("expired")]
    Expired,
    #[error("issued in the future")]
    NotYet,
}

/// The keys of all surfaces.
pub struct Keys {
    signing: EncodingKey,
    key_id: String,
    verifying: BTreeMap<String, DecodingKey>,
    issuer: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("key_id", &self.key_id)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// A new private key of 3072 bits as PKCS#8 PEM, for the file that [`Keys::from_pem`] reads.
pub fn generate_pem() -> Result<SecretString, KeyError> {
    let pair = KeyPair::generate(KeySize::Rsa3072).map_err(|_| KeyError::Generate)?;
    let der = pair.as_der().map_err(|_| KeyError::Generate)?;
    let text = Zeroizing::new(STANDARD.encode(der.as_ref()));
    let mut pem = String::from(PEM_BEGIN);
    for (index, letter) in text.chars().enumerate() {
        if index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push('\n');
    pem.push_str(PEM_END);
    pem.push('\n');
    Ok(SecretString::from(pem))
}

fn private_key(pem: &SecretString) -> Result<KeyPair, KeyError> {
    let body = pem
        .expose_secret()
        .trim()
        .strip_prefix(PEM_BEGIN)
        .and_then(|rest| rest.strip_suffix(PEM_END))
        .ok_or(KeyError::Unreadable)?;
    let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
    let der = Zeroizing::new(
        STANDARD
            .decode(body.as_bytes())
            .map_err(|_| KeyError::Unreadable)?,
    );
    KeyPair::from_pkcs8(&der).map_err(|_| KeyError::Unreadable)
}

impl Keys {
    /// From a private key in PKCS#8 PEM. The key's id is taken from its public half.
    pub fn from_pem(pem: &SecretString, issuer: &str) -> Result<Self, KeyError> {
        let pair = private_key(pem)?;
        let public = pair.public_key();
        if public.modulus_len() * 8 < MIN_KEY_BITS {
            return Err(KeyError::TooShort);
        }
        let hash = digest::digest(&digest::SHA256, public.as_ref());
        let key_id = hex::encode(&hash.as_ref()[..8]);
        let verifying = DecodingKey::from_rsa_raw_components(
            public.modulus().big_endian_without_leading_zero(),
            public.exponent().big_endian_without_leading_zero(),
        );
        let signing =
            EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes()).map_err(|_| KeyError::Unreadable)?;
        Ok(Self {
            signing,
            verifying: BTreeMap::from([(key_id.clone(), verifying)]),
            key_id,
            issuer: issuer.to_owned(),
        })
    }

    /// Also believes tokens of `older`, for the time of a rotation.
    #[must_use]
    pub fn with_older(mut self, older: Self) -> Self {
        for (key_id, key) in older.verifying {
            self.verifying.entry(key_id).or_insert(key);
        }
        self
    }

    /// An access token of `lifetime` from `now`, good for one surface.
    pub fn mint(
        &self,
        surface: Surface,
        viewer: Viewer,
        now: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Result<SecretString, TokenError> {
        let mut header = Header::new(ALGORITHM);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(self.key_id.clone());
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: surface.audience().to_owned(),
            sub: viewer.user,
            tid: viewer.tenant,
            iat: now.timestamp(),
            exp: (now + lifetime).timestamp(),
        };
        jsonwebtoken::encode(&header, &claims, &self.signing)
            .map(SecretString::from)
            .map_err(|_| TokenError::Invalid)
    }

    /// Whom a token names, if it is ours and valid at `now`.
    pub fn verify(&self, surface: Surface, token: &str, now: DateTime<Utc>) -> Result<Viewer, TokenError> {
        self.verify_until(surface, token, now).map(|(viewer, _)| viewer)
    }

    /// Whom a token names, and until when it is believed.
    pub fn verify_until(
        &self,
        surface: Surface,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<(Viewer, DateTime<Utc>), TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        let typed = header.typ.is_some_and(|typ| typ.eq_ignore_ascii_case(TOKEN_TYPE));
        if header.alg != ALGORITHM || !typed {
            return Err(TokenError::Malformed);
        }
        let key = header
            .kid
            .and_then(|key_id| self.verifying.get(&key_id))
            .ok_or(TokenError::UnknownKey)?;
        let mut rules = Validation::new(ALGORITHM);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[surface.audience()]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library reads the machine's clock; ours is injected and checked below.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &rules)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        let until = DateTime::from_timestamp(claims.exp, 0).ok_or(TokenError::Malformed)? + LEEWAY;
        if now >= until {
            return Err(TokenError::Expired);
        }
        if claims.iat > now.timestamp().saturating_add(LEEWAY.num_seconds()) {
            return Err(TokenError::NotYet);
        }
        // A tenant's staff cannot run the platform, whatever a token says.
        if !surface.serves(claims.tid) {
            return Err(TokenError::Invalid);
        }
        let viewer = Viewer {
            user: claims.sub,
            tenant: claims.tid,
        };
        Ok((viewer, until))
    }
}
