//! Sessions and the families of their refresh tokens, as `event-store/src/inline/identity/session.rs` keeps them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use simpul_domain::{
    SessionId, TenantId,
    identity::session::{Exchange, RefreshToken},
};
use uuid::Uuid;

/// A token of a family.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    token: RefreshToken,
    successor: Option<Uuid>,
}

/// A session's row.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub has_ended: bool,
    tokens: BTreeMap<Uuid, Kept>,
}

impl Row {
    /// How many of its tokens can be exchanged.
    pub fn good(&self) -> usize {
        let tokens = self.tokens.values();
        tokens
            .filter(|kept| !self.has_ended && kept.token.consumed_at.is_none())
            .count()
    }
}

/// What became of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    Rotated(SessionId),
    /// Nobody's token, or that of a session that is over.
    Refused,
    /// The session has ended, and its stream must say so.
    Reused(SessionId),
}

/// All sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    rows: BTreeMap<(TenantId, SessionId), Row>,
    of: BTreeMap<(TenantId, Uuid), SessionId>,
    /// A planted bug: whatever was exchanged is exchanged again.
    pub lenient: bool,
}

impl Sessions {
    pub fn start(&mut self, tenant: TenantId, session: SessionId, first: Uuid) {
        let row = self.rows.entry((tenant, session)).or_default();
        row.tokens.insert(first, Kept::default());
        self.of.insert((tenant, first), session);
    }

    /// Exchanges a token for another one.
    pub fn rotate(&mut self, tenant: TenantId, old: Uuid, new: Uuid, now: DateTime<Utc>) -> Rotation {
        let Some(&session) = self.of.get(&(tenant, old)) else {
            return Rotation::Refused;
        };
        let open = self.rows.get_mut(&(tenant, session)).filter(|row| !row.has_ended);
        let Some((row, kept)) = open.and_then(|row| {
            let kept = *row.tokens.get(&old)?;
            Some((row, kept))
        }) else {
            return Rotation::Refused;
        };
        let successor = kept.successor.and_then(|successor| row.tokens.get(&successor));
        let successor_is_good = successor.is_some_and(|kept| kept.token.consumed_at.is_none());
        match kept.token.exchange(successor_is_good, now) {
            Exchange::First => {}
            Exchange::Again => {
                if let Some(lost) = kept.successor {
                    let token = RefreshToken {
                        consumed_at: Some(now),
                        forgiven: true,
                    };
                    let successor = None;
                    row.tokens.insert(lost, Kept { token, successor });
                }
            }
            Exchange::Reuse if self.lenient => {}
            Exchange::Reuse => {
                row.has_ended = true;
                return Rotation::Reused(session);
            }
        }
        let token = RefreshToken {
            consumed_at: kept.token.consumed_at.or(Some(now)),
            forgiven: kept.token.consumed_at.is_some(),
        };
        let successor = Some(new);
        row.tokens.insert(old, Kept { token, successor });
        row.tokens.insert(new, Kept::default());
        self.of.insert((tenant, new), session);
        Rotation::Rotated(session)
    }

    /// The session is over, if it is not yet.
    pub fn end(&mut self, tenant: TenantId, session: SessionId) {
        if let Some(row) = self.rows.get_mut(&(tenant, session)) {
            row.has_ended = true;
        }
    }

    pub fn find(&self, tenant: TenantId, session: SessionId) -> Option<&Row> {
        self.rows.get(&(tenant, session))
    }

    /// A tenant's sessions.
    pub fn of(&self, tenant: TenantId) -> impl Iterator<Item = (SessionId, &Row)> {
        let rows = self.rows.iter();
        rows.filter(move |((owner, _), _)| *owner == tenant)
            .map(|((_, session), row)| (*session, row))
    }
}
