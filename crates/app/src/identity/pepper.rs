//! Peppers: keys that passwords are mixed with before they are hashed, kept where the database is not. Whoever has stolen
//! the database alone cannot even begin to guess (OWASP's form: `bcrypt(base64(HMAC-SHA-384(password, pepper)))`,
//! `facts/reliability.md` 4.2).
//!
//! A hash names its pepper, so that another one can follow: old hashes are understood as long as their pepper is kept, and
//! are made anew when their owner signs in.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
/// What a stored hash begins with if it has a pepper: this, the pepper's id and another colon.
const MARK: &str = "pepper:";

/// A text that is no pepper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pepper is 64 hexadecimal digits, and its id has no colon")]
pub struct PepperError;

/// One pepper.
#[derive(Clone)]
pub struct Pepper {
    id: String,
    key: hmac::Key,
}

impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pepper")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Pepper {
    pub fn from_hex(id: &str, hex_key: &SecretString) -> Result<Self, PepperError> {
        let bytes = hex::decode(hex_key.expose_secret().trim()).map_err(|_| PepperError)?;
        let bytes = Zeroizing::new(bytes);
        if bytes.len() != KEY_BYTES || id.is_empty() || id.contains(':') {
            return Err(PepperError);
        }
        Ok(Self {
            id: id.to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA384, &bytes),
        })
    }

    /// 64 letters, which bcrypt reads to the end, however long the password is.
    pub(super) fn mix(&self, password: &SecretString) -> SecretString {
        let tag = hmac::sign(&self.key, password.expose_secret().as_bytes());
        SecretString::from(STANDARD_NO_PAD.encode(tag.as_ref()))
    }

    /// A hash with the name of its pepper.
    pub(super) fn label(&self, hash: &str) -> String {
        format!("{MARK}{}:{hash}", self.id)
    }
}

/// Every pepper that is kept, oldest first. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Peppers(Arc<[Pepper]>);

/// A stored hash, taken apart.
#[derive(Debug)]
pub(super) struct Labelled<'a> {
    pub(super) hash: &'a str,
    /// Of the pepper that it names.
    pub(super) id: Option<&'a str>,
}

impl<'a> Labelled<'a> {
    pub(super) fn of(stored: &'a str) -> Self {
        let labelled = stored.strip_prefix(MARK).and_then(|rest| rest.split_once(':'));
        match labelled {
            Some((id, hash)) => Self { hash, id: Some(id) },
            None => Self {
                hash: stored,
                id: None,
            },
        }
    }
}

impl Peppers {
    pub fn new(oldest_first: Vec<Pepper>) -> Self {
        Self(oldest_first.into())
    }

    /// The one that new hashes have.
    pub(super) fn newest(&self) -> Option<&Pepper> {
        self.0.last()
    }

    pub(super) fn find(&self, id: &str) -> Option<&Pepper> {
        self.0.iter().find(|pepper| pepper.id == id)
    }

    /// Whether new hashes have the pepper of this id, or none if it is none.
    pub(super) fn is_newest(&self, id: Option<&str>) -> bool {
        self.newest().map(|pepper| pepper.id.as_str()) == id
    }
}
