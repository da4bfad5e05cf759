//! Tokens whose signature has been checked. One token comes with every request of its session for a quarter of an hour,
//! and to check an RSA signature costs as much as to answer a small question.
//!
//! INVARIANT: only what does not change as time goes by is remembered. Whether the key is still believed, the token
//! still valid and its session open is asked at each request.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};

use super::Verified;
use crate::Surface;

/// Tokens remembered. Only valid ones are, so that nobody else can fill it.
const CAPACITY: usize = 10_000;

/// What a correctly signed token says.
#[derive(Debug)]
pub(super) struct Signed {
    /// Id of the key.
    pub(super) key: String,
    /// From when it is valid.
    pub(super) from: DateTime<Utc>,
    pub(super) verified: Verified,
}

/// A token in the memory: the surface that it was checked for, and its SHA-256.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Place(Surface, Vec<u8>);

impl Place {
    pub(super) fn of(surface: Surface, token: &str) -> Self {
        let digest = digest::digest(&digest::SHA256, token.as_bytes());
        Self(surface, digest.as_ref().to_vec())
    }
}

#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<Place, Arc<Signed>>>);

impl Known {
    pub(super) fn get(&self, place: &Place) -> Option<Arc<Signed>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(place).cloned()
    }

    pub(super) fn keep(&self, place: Place, signed: Arc<Signed>, now: DateTime<Utc>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CAPACITY {
            known.retain(|_, signed| now < signed.verified.until);
            if known.len() >= CAPACITY {
                known.clear();
            }
        }
        known.insert(place, signed);
    }
}
