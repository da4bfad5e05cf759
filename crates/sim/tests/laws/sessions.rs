//! Families of refresh tokens: what is exchanged, forgiven, and ended for good.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::Value;
use simpul_domain::{CorrelationId, EventId, SessionId, TenantId, UserId};
use simpul_event_store::{
    Cause, Context, EventStore, Work,
    inline::{
        Inline,
        identity::{
            Change, SecretHash,
            session::{self, NewSession},
        },
    },
};
use simpul_sim::model::sessions::{Rotation, Sessions};
use simpul_testkit::TestDb;
use uuid::Uuid;

use crate::{Court, next, tenant};

/// What the front door asks of its sessions.
trait Families {
    async fn start(&mut self, session: SessionId, first: Uuid);
    async fn rotate(&mut self, old: Uuid, new: Uuid, now: DateTime<Utc>) -> Rotation;
}

struct Model {
    sessions: Sessions,
    tenant: TenantId,
}

impl Families for Model {
    async fn start(&mut self, session: SessionId, first: Uuid) {
        self.sessions.start(self.tenant, session, first);
    }

    async fn rotate(&mut self, old: Uuid, new: Uuid, now: DateTime<Utc>) -> Rotation {
        self.sessions.rotate(self.tenant, old, new, now)
    }
}

struct Real {
    store: EventStore,
    tenant: TenantId,
}

fn hash(token: Uuid) -> SecretHash {
    let mut hash = SecretHash::default();
    hash[..16].copy_from_slice(token.as_bytes());
    hash
}

impl Families for Real {
    async fn start(&mut self, session: SessionId, first: Uuid) {
        let context = Context::caused(
            self.tenant,
            "law",
            Cause::Event(EventId::new(session.as_uuid())),
            CorrelationId::new(session.as_uuid()),
            0,
        );
        let mut work = Work::new(&self.store, &context);
        work.inline(Inline::Identity(Change::StartSession(NewSession {
            session,
            user: UserId::new(Uuid::from_u128(9)),
            method: "password".to_owned(),
            impersonator: None,
            impersonator_session: None,
            started_at: began(),
            expires_at: began() + TimeDelta::days(30),
            ip: None,
            user_agent: None,
            refresh: Some(hash(first)),
        })));
        work.commit("law", &[], &Value::Null).await.expect("started");
    }

    async fn rotate(&mut self, old: Uuid, new: Uuid, now: DateTime<Utc>) -> Rotation {
        let mut tx = self
            .store
            .db()
            .tenant_tx(self.tenant)
            .await
            .expect("a transaction");
        let rotation = session::rotate(&mut tx, &hash(old), &hash(new), now)
            .await
            .expect("rotated");
        tx.commit().await.expect("committed");
        match rotation {
            session::Rotation::Rotated { session, .. } => Rotation::Rotated(session),
            session::Rotation::Refused => Rotation::Refused,
            session::Rotation::Reused { session, .. } => Rotation::Reused(session),
        }
    }
}

fn began() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

/// A token is shown: so many before the newest, so many seconds later, of one of two sessions; and then what nobody has given
/// out, if that is asked for.
#[derive(Debug, Clone)]
struct Shown {
    second: bool,
    back: usize,
    seconds: i64,
    unknown: bool,
}

fn shown() -> impl Strategy<Value = Vec<Shown>> {
    let one =
        (any::<bool>(), 0..6_usize, 0..40_i64, 0..12_u8).prop_map(|(second, back, seconds, odds)| Shown {
            second,
            // Most often the newest.
            back: back.saturating_sub(3),
            seconds,
            unknown: odds == 0,
        });
    prop::collection::vec(one, 1..20)
}

/// Drives one side. Ids are the same on both.
async fn drive(families: &mut impl Families, case: u128, shown: &[Shown]) -> Vec<Rotation> {
    let id = |kind: u128, number: usize| Uuid::from_u128((case << 32) + (kind << 16) + number as u128);
    let mut given = [vec![id(1, 0)], vec![id(2, 0)]];
    for (which, tokens) in given.iter().enumerate() {
        families.start(SessionId::new(id(3, which)), tokens[0]).await;
    }
    let (mut now, mut seen) = (began(), Vec::new());
    for (step, one) in shown.iter().enumerate() {
        now += TimeDelta::seconds(one.seconds);
        let tokens = &mut given[usize::from(one.second)];
        let old = tokens[tokens.len() - 1 - one.back.min(tokens.len() - 1)];
        let (old, new) = (if one.unknown { id(4, step) } else { old }, id(5, step));
        let rotation = families.rotate(old, new, now).await;
        if let Rotation::Rotated(_) = rotation {
            tokens.push(new);
        }
        seen.push(rotation);
    }
    seen
}

#[test]
fn tokens_are_exchanged_forgiven_and_end_their_session_alike() {
    let court = Court::open();
    let test = court.wait(TestDb::create());
    court.for_all(&shown(), async |shown| {
        let (tenant, case) = (tenant(), next());
        let mut model = Model {
            sessions: Sessions::default(),
            tenant,
        };
        let store = test.store();
        let mut real = Real { store, tenant };
        let said = drive(&mut model, case, &shown).await;
        let was = drive(&mut real, case, &shown).await;
        assert_eq!(said, was, "model and PostgreSQL differ");
    });
}
