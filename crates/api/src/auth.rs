//! Who sent a request: an access token (RFC 9068), RS256 with keys of at least 3072 bits.
//!
//! Several keys may be believed at a time: a new one is shown at once, signs a little later, so that every process has
//! read it by then, and the one before it is believed for another day. The token names the user and the tenant;
//! nothing else of a request does. Its audience is the surface that it is good for. One algorithm, fixed here: the
//! header's `alg` is compared, never obeyed. Time comes from the store's clock, with 30 seconds of leeway.

mod known;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::{
    digest,
    encoding::AsDer as _,
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use simpul_domain::{ApiKeyId, SessionId, TenantId, UserId};
use simpul_event_store::inline::access::Caller;
use uuid::Uuid;
use zeroize::Zeroizing;

use self::known::{Known, Place, Signed};
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

impl Viewer {
    /// In a session, if it is about one.
    pub(crate) const fn caller(self, session: Option<SessionId>) -> Caller {
        Caller {
            tenant: self.tenant,
            actor: self.user,
            session,
        }
    }
}

/// How the viewer proved who they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    pub session: Option<SessionId>,
    /// The super admin who acts as the user.
    pub impersonator: Option<UserId>,
    /// A machine's key, and what it is good for.
    pub key: Option<(ApiKeyId, Arc<[String]>)>,
}

impl Proof {
    /// Whether it is the user in person.
    pub const fn is_personal(&self) -> bool {
        self.impersonator.is_none() && self.key.is_none()
    }
}

/// What a token is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub viewer: Viewer,
    /// Every token belongs to one: it is over when its session is.
    pub session: SessionId,
    /// Of the permissions; whoever may do other things by now needs another token.
    pub version: Option<i64>,
    /// The super admin who acts as the user.
    pub impersonator: Option<UserId>,
    /// For front ends; the server asks its own tables.
    pub roles: Vec<String>,
    pub permissions: Vec<String>,
    pub features: Vec<String>,
}

impl Grant {
    /// Who, in which session, and nothing else.
    pub const fn bare(viewer: Viewer, session: SessionId) -> Self {
        Self {
            viewer,
            session,
            version: None,
            impersonator: None,
            roles: Vec::new(),
            permissions: Vec::new(),
            features: Vec::new(),
        }
    }
}

/// What a token was believed to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    pub viewer: Viewer,
    pub session: SessionId,
    pub version: Option<i64>,
    pub impersonator: Option<UserId>,
    /// Until when it is believed.
    pub until: DateTime<Utc>,
}

/// What a token says. Instants are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    tid: TenantId,
    sid: SessionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pv: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Acting>,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    permissions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    features: Vec<String>,
}

/// Who acts as the subject (RFC 8693).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Acting {
    sub: UserId,
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

/// How long a new key is only shown, so that every process has read it before the first token of it comes.
pub const SETTLING: TimeDelta = TimeDelta::minutes(5);
/// How long a key is believed after another one has begun to sign.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// One key.
#[derive(Clone)]
struct SigningKey {
    id: String,
    /// A key that was configured by itself has always been there.
    made_at: Option<DateTime<Utc>>,
    signing: EncodingKey,
    verifying: DecodingKey,
    modulus: String,
    exponent: String,
}

impl SigningKey {
    fn from_pem(pem: &SecretString, made_at: Option<DateTime<Utc>>) -> Result<Self, KeyError> {
        let pair = private_key(pem)?;
        let public = pair.public_key();
        if public.modulus_len() * 8 < MIN_KEY_BITS {
            return Err(KeyError::TooShort);
        }
        let hash = digest::digest(&digest::SHA256, public.as_ref());
        let modulus = public.modulus().big_endian_without_leading_zero();
        let exponent = public.exponent().big_endian_without_leading_zero();
        Ok(Self {
            id: hex::encode(&hash.as_ref()[..8]),
            made_at,
            signing: EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes())
                .map_err(|_| KeyError::Unreadable)?,
            verifying: DecodingKey::from_rsa_raw_components(modulus, exponent),
            modulus: URL_SAFE_NO_PAD.encode(modulus),
            exponent: URL_SAFE_NO_PAD.encode(exponent),
        })
    }

    /// From when on it signs.
    fn signs_from(&self) -> DateTime<Utc> {
        self.made_at
            .map_or(DateTime::<Utc>::MIN_UTC, |made_at| made_at + SETTLING)
    }
}

/// What is told of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    pub id: String,
    pub made_at: Option<DateTime<Utc>>,
    pub signs: bool,
    pub believed: bool,
}

/// The keys of all surfaces, oldest first.
pub struct Keys {
    ring: RwLock<Arc<[SigningKey]>>,
    issuer: String,
    known: Known,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<String> = self.ring().iter().map(|key| key.id.clone()).collect();
        f.debug_struct("Keys")
            .field("ids", &ids)
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

/// Whether the key at `index` is believed at `now`: until a day after its successor has begun to sign.
fn is_believed(ring: &[SigningKey], index: usize, now: DateTime<Utc>) -> bool {
    let successor = ring.get(index + 1).filter(|next| next.made_at.is_some());
    successor.is_none_or(|next| now < next.signs_from() + OVERLAP)
}

/// The newest key that signs already; before any does, the oldest.
fn signing_index(ring: &[SigningKey], now: DateTime<Utc>) -> usize {
    ring.iter().rposition(|key| key.signs_from() <= now).unwrap_or(0)
}

impl Keys {
    /// From one private key in PKCS#8 PEM. The key's id is taken from its public half.
    pub fn from_pem(pem: &SecretString, issuer: &str) -> Result<Self, KeyError> {
        Self::from_ring([(None, pem.clone())], issuer)
    }

    /// From several private keys with the instants at which they were made.
    pub fn from_ring(
        keys: impl IntoIterator<Item = (Option<DateTime<Utc>>, SecretString)>,
        issuer: &str,
    ) -> Result<Self, KeyError> {
        let read = |(made_at, pem): (_, SecretString)| SigningKey::from_pem(&pem, made_at);
        let mut ring = keys.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        ring.sort_by_key(|key| key.made_at);
        if ring.is_empty() {
            return Err(KeyError::Unreadable);
        }
        Ok(Self {
            ring: RwLock::new(ring.into()),
            issuer: issuer.to_owned(),
            known: Known::default(),
        })
    }

    fn ring(&self) -> Arc<[SigningKey]> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Uses other keys from now on.
    pub fn replace(&self, other: &Self) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = other.ring();
    }

    /// Also believes tokens of `older`.
    #[must_use]
    pub fn with_older(self, older: &Self) -> Self {
        let ring: Vec<SigningKey> = older.ring().iter().chain(self.ring().iter()).cloned().collect();
        Self {
            ring: RwLock::new(ring.into()),
            issuer: self.issuer,
            known: Known::default(),
        }
    }

    /// Every key, oldest first.
    pub fn list(&self, now: DateTime<Utc>) -> Vec<KeyStatus> {
        let ring = self.ring();
        let signing = signing_index(&ring, now);
        let status = |(index, key): (usize, &SigningKey)| KeyStatus {
            id: key.id.clone(),
            made_at: key.made_at,
            signs: index == signing,
            believed: is_believed(&ring, index, now),
        };
        ring.iter().enumerate().map(status).collect()
    }

    /// The public halves of the keys that are believed, for whoever verifies tokens (RFC 7517).
    pub fn jwks(&self, now: DateTime<Utc>) -> Value {
        let ring = self.ring();
        let keys: Vec<Value> = ring
            .iter()
            .enumerate()
            .filter(|(index, _)| is_believed(&ring, *index, now))
            .map(|(_, key)| {
                json!({
                    "kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.id, "n": key.modulus, "e": key.exponent,
                })
            })
            .collect();
        json!({ "keys": keys })
    }

    /// An access token of `lifetime` from `now` for a session that has begun: who, and nothing else.
    pub fn mint(
        &self,
        surface: Surface,
        (viewer, session): (Viewer, SessionId),
        now: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Result<SecretString, TokenError> {
        self.issue(surface, Grant::bare(viewer, session), None, now, lifetime)
    }

    /// An access token of `lifetime` from `now`, good for one surface.
    pub fn issue(
        &self,
        surface: Surface,
        grant: Grant,
        id: Option<Uuid>,
        now: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Result<SecretString, TokenError> {
        let ring = self.ring();
        let key = &ring[signing_index(&ring, now)];
        let mut header = Header::new(ALGORITHM);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(key.id.clone());
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: surface.audience().to_owned(),
            sub: grant.viewer.user,
            tid: grant.viewer.tenant,
            sid: grant.session,
            pv: grant.version,
            act: grant.impersonator.map(|sub| Acting { sub }),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + lifetime).timestamp(),
            jti: id,
            roles: grant.roles,
            permissions: grant.permissions,
            features: grant.features,
        };
        jsonwebtoken::encode(&header, &claims, &key.signing)
            .map(SecretString::from)
            .map_err(|_| TokenError::Invalid)
    }

    /// Whom a token names, if it is ours and valid at `now`.
    pub fn verify(&self, surface: Surface, token: &str, now: DateTime<Utc>) -> Result<Viewer, TokenError> {
        self.believe(surface, token, now).map(|verified| verified.viewer)
    }

    /// What a token says, if it is ours and valid at `now`. Whether its session goes on is another question.
    pub fn believe(&self, surface: Surface, token: &str, now: DateTime<Utc>) -> Result<Verified, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let ring = self.ring();
        let place = Place::of(surface, token);
        let known = self.known.get(&place);
        let signed = match &known {
            Some(known) => Arc::clone(known),
            None => Arc::new(self.check(&ring, surface, token)?),
        };
        let key = ring.iter().position(|key| key.id == signed.key);
        key.filter(|index| is_believed(&ring, *index, now))
            .ok_or(TokenError::UnknownKey)?;
        let verified = signed.verified;
        if now >= verified.until {
            return Err(TokenError::Expired);
        }
        if signed.from > now + LEEWAY {
            return Err(TokenError::NotYet);
        }
        if known.is_none() {
            self.known.keep(place, signed, now);
        }
        Ok(verified)
    }

    /// A token's signature, issuer, audience and surface: what does not change as time goes by.
    fn check(&self, ring: &[SigningKey], surface: Surface, token: &str) -> Result<Signed, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        let typed = header.typ.is_some_and(|typ| typ.eq_ignore_ascii_case(TOKEN_TYPE));
        if header.alg != ALGORITHM || !typed {
            return Err(TokenError::Malformed);
        }
        let key_id = header.kid.ok_or(TokenError::UnknownKey)?;
        let key = ring.iter().find(|key| key.id == key_id);
        let key = &key.ok_or(TokenError::UnknownKey)?.verifying;
        let mut rules = Validation::new(ALGORITHM);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[surface.audience()]);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // The library reads the machine's clock; ours is injected and checked below.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &rules)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        let instant = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(TokenError::Malformed);
        // A tenant's staff cannot run the platform, whatever a token says.
        if !surface.serves(claims.tid) {
            return Err(TokenError::Invalid);
        }
        Ok(Signed {
            key: key_id,
            from: instant(claims.iat.max(claims.nbf))?,
            verified: Verified {
                viewer: Viewer {
                    user: claims.sub,
                    tenant: claims.tid,
                },
                session: claims.sid,
                version: claims.pv,
                impersonator: claims.act.map(|acting| acting.sub),
                until: instant(claims.exp)? + LEEWAY,
            },
        })
    }
}
