//! Cursors: where a row is in a list, for nobody but us to read on from.
//!
//! A cursor names the version, the tenant, the list and what was asked of it, by a proof of 16 bytes that nobody else can
//! make: one of another list, filter, order or tenant is refused, as is one that somebody wrote.

use std::{convert::Infallible, fmt, sync::Arc};

use async_graphql::{Context, Name, Value, connection::CursorType};
use aws_lc_rs::{
    constant_time,
    digest::{self, Digest},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SecondsFormat};
use simpul_domain::{Code, TenantId};
use simpul_projections::{Position, sift::Place};
use uuid::Uuid;

use super::scope::scope;
use crate::{ApiError, ApiState};

/// What cursors are proved for; another form of them has another.
const PURPOSE: &str = "cursor 2";
const PROOF_LEN: usize = 16;
/// Arguments that say which page is wanted, not of which list.
const OF_PAGES: [&str; 5] = ["after", "before", "first", "last", "offset"];

/// What the cursors of one list, as it was asked for, are sealed with.
#[derive(Clone)]
pub(super) struct Seal(Arc<Parts>);

struct Parts {
    state: ApiState,
    tenant: TenantId,
    list: &'static str,
    /// Of the filter and the order.
    asked: Digest,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seal").field(&self.0.list).finish()
    }
}

impl Seal {
    /// Of the list that is being read.
    pub(super) fn of(context: &Context<'_>, list: &'static str) -> Result<Self, ApiError> {
        let mut asked = arguments(context);
        asked.retain(|(name, value)| !OF_PAGES.contains(&name.as_str()) && *value != Value::Null);
        asked.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut hash = digest::Context::new(&digest::SHA256);
        for (name, value) in &asked {
            hash.update(format!("{name}:{value},").as_bytes());
        }
        let scope = scope(context)?;
        Ok(Self(Arc::new(Parts {
            state: scope.state().clone(),
            tenant: scope.tenant(),
            list,
            asked: hash.finish(),
        })))
    }

    fn proof(&self, keys: &[u8]) -> [u8; PROOF_LEN] {
        let Parts {
            state,
            tenant,
            list,
            asked,
        } = &*self.0;
        let mut sealed = format!("{tenant}|{list}|").into_bytes();
        sealed.extend_from_slice(asked.as_ref());
        sealed.extend_from_slice(keys);
        let whole = state.store().vault().prove(PURPOSE, &sealed);
        let mut proof = [0; PROOF_LEN];
        proof.copy_from_slice(&whole[..PROOF_LEN]);
        proof
    }

    /// A cursor with these keys.
    pub(super) fn seal(&self, keys: &str) -> String {
        let mut bytes = self.proof(keys.as_bytes()).to_vec();
        bytes.extend_from_slice(keys.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The keys in a cursor of this list; `argument` brought it.
    pub(super) fn open(&self, argument: &str, cursor: &str) -> Result<String, ApiError> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
        let keys = bytes.split_at_checked(PROOF_LEN).and_then(|(proof, keys)| {
            constant_time::verify_slices_are_equal(proof, &self.proof(keys)).ok()?;
            String::from_utf8(keys.to_vec()).ok()
        });
        keys.ok_or_else(|| refused(argument))
    }

    /// The place in a cursor of this list.
    pub(super) fn place(&self, argument: &str, cursor: &str) -> Result<Place, ApiError> {
        let keys = self.open(argument, cursor)?;
        let place: Option<(Vec<String>, Uuid)> = serde_json::from_str(&keys).ok();
        let (keys, id) = place.ok_or_else(|| refused(argument))?;
        Ok(Place { keys, id })
    }
}

/// The arguments of the field that is resolved.
fn arguments(context: &Context<'_>) -> Vec<(Name, Value)> {
    context.field().arguments().unwrap_or_default()
}

pub(super) fn refused(argument: &str) -> ApiError {
    let text = format!("{argument} is not a cursor of this list");
    ApiError::new(Code::ValidationError, text)
}

/// The position in a place of a list that comes newest first.
pub(super) fn position(place: &Place) -> Option<Position> {
    let [at] = place.keys.as_slice() else {
        return None;
    };
    let at = DateTime::parse_from_rfc3339(at).ok()?;
    Some(Position {
        at: at.to_utc(),
        id: place.id,
    })
}

/// Where a row is in its list. It is written for whoever asks for cursors, and most ask for none.
#[derive(Debug, Clone)]
pub(crate) enum Cursor {
    At(Seal, Position),
    In(Seal, Place),
    Sealed(String),
}

impl CursorType for Cursor {
    type Error = Infallible;

    fn decode_cursor(text: &str) -> Result<Self, Infallible> {
        Ok(Self::Sealed(text.to_owned()))
    }

    fn encode_cursor(&self) -> String {
        let written = |keys: &[String], id: Uuid| serde_json::json!([keys, id]).to_string();
        match self {
            Self::At(seal, Position { at, id }) => {
                let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
                seal.seal(&written(&[at], *id))
            }
            Self::In(seal, Place { keys, id }) => seal.seal(&written(keys, *id)),
            Self::Sealed(text) => text.clone(),
        }
    }
}
