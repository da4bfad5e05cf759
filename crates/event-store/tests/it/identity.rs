//! Families of refresh tokens, tickets, delays, blocks, and what is kept of sign-ins.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;
use simpul_domain::{SessionId, TenantId, UserId, identity::session::FORGIVENESS};
use simpul_event_store::{
    EventStore, StoreError, Work,
    inline::{
        Inline, Stretch,
        identity::{
            Change, SecretHash,
            address::{self, BlockRule},
            delay,
            session::{self, NewSession, Rotation},
            sign_in::{self, Outcome, SignIn},
            ticket::{self, Purpose, Ticket},
        },
    },
};
use uuid::Uuid;

use crate::counter::{all, context, ready};

fn token(number: u32) -> SecretHash {
    let mut hash = SecretHash::default();
    hash[..4].copy_from_slice(&number.to_be_bytes());
    hash
}

async fn change(store: &EventStore, tenant: TenantId, change: Change) -> Result<i64, StoreError> {
    let context = context(store, tenant);
    let mut work = Work::new(store, &context);
    work.inline(Inline::Identity(change));
    Ok(work.commit("test", &[], &Value::Null).await?.seq)
}

async fn start(store: &EventStore, tenant: TenantId, session: SessionId, first: SecretHash) {
    let new = NewSession {
        session,
        user: UserId::new(Uuid::from_u128(9)),
        method: "password".to_owned(),
        impersonator: None,
        impersonator_session: None,
        started_at: store.now(),
        expires_at: store.now() + TimeDelta::days(30),
        ip: None,
        user_agent: None,
        refresh: Some(first),
    };
    change(store, tenant, Change::StartSession(new))
        .await
        .expect("started");
}

async fn rotate(store: &EventStore, tenant: TenantId, old: SecretHash, new: SecretHash) -> Rotation {
    let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
    let rotation = session::rotate(&mut tx, &old, &new, store.now())
        .await
        .expect("rotated");
    tx.commit().await.expect("commit");
    rotation
}

/// What the rules say, told without a database.
#[derive(Debug, Default)]
struct Family {
    ended: bool,
    tokens: Vec<Told>,
}

#[derive(Debug, Clone, Default)]
struct Told {
    consumed_at: Option<DateTime<Utc>>,
    successor: Option<usize>,
    forgiven: bool,
}

impl Family {
    /// Whether the exchange of a token succeeds.
    fn exchange(&mut self, index: usize, now: DateTime<Utc>) -> bool {
        if self.ended {
            return false;
        }
        let shown = self.tokens[index].clone();
        let next = self.tokens.len();
        match (shown.consumed_at, shown.successor) {
            (None, _) => {}
            (Some(at), Some(successor))
                if !shown.forgiven
                    && at > now - FORGIVENESS
                    && self.tokens[successor].consumed_at.is_none() =>
            {
                self.tokens[index].forgiven = true;
                let lost = &mut self.tokens[successor];
                (lost.consumed_at, lost.successor, lost.forgiven) = (Some(now), None, true);
            }
            (Some(_), _) => {
                self.ended = true;
                return false;
            }
        }
        let shown = &mut self.tokens[index];
        shown.consumed_at = shown.consumed_at.or(Some(now));
        shown.successor = Some(next);
        self.tokens.push(Told::default());
        true
    }

    fn good(&self) -> usize {
        self.tokens
            .iter()
            .filter(|token| token.consumed_at.is_none())
            .count()
    }
}

// Property 5: the newest refresh token gives another one, whatever was shown before; whoever shows an old one ends the
// family, except for one lost answer.
#[tokio::test]
async fn a_family_of_tokens_has_one_good_token_and_one_forgiveness() {
    let (test, store, _, tenant) = ready().await;
    let shown = prop::collection::vec((0_usize..6, 0_i64..40), 1..14);
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRunner::deterministic().rng().clone());
    let mut number = 0_u32;
    let (mut survived, mut ended) = (0, 0);
    for case in 0..120_u128 {
        let id = SessionId::new(Uuid::from_u128(1_000 + case));
        let mut hashes = vec![token(number)];
        number += 1;
        start(&store, tenant, id, hashes[0]).await;
        let mut family = Family {
            ended: false,
            tokens: vec![Told::default()],
        };
        for (back, seconds) in shown.new_tree(&mut runner).expect("generated").current() {
            test.clock().advance(TimeDelta::seconds(seconds));
            // Most often the newest.
            let index = hashes.len() - 1 - back.saturating_sub(3).min(hashes.len() - 1);
            let was_over = family.ended;
            let expected = family.exchange(index, store.now());
            let new = token(number);
            number += 1;
            let rotation = rotate(&store, tenant, hashes[index], new).await;
            match rotation {
                Rotation::Rotated { session, .. } => assert!(expected && session == id),
                Rotation::Reused { session, .. } => assert!(!expected && !was_over && session == id),
                Rotation::Refused => assert!(!expected && was_over),
            }
            if expected {
                hashes.push(new);
            }
            assert!(family.ended || family.good() == 1, "{family:?}");
        }
        if family.ended { ended += 1 } else { survived += 1 }
    }
    assert!(
        survived > 10 && ended > 10,
        "both ends were seen: {survived}, {ended}"
    );
}

#[tokio::test]
async fn a_session_that_nobody_prolongs_for_a_week_is_over() {
    let (test, store, _, tenant) = ready().await;
    let tokens = [1, 2, 3].map(token);
    let id = SessionId::new(Uuid::from_u128(1));
    start(&store, tenant, id, tokens[0]).await;
    let week = TimeDelta::days(7);
    test.clock().advance(week - TimeDelta::seconds(1));
    let rotation = rotate(&store, tenant, tokens[0], tokens[1]).await;
    assert!(matches!(rotation, Rotation::Rotated { .. }), "{rotation:?}");
    test.clock().advance(week);
    let rotation = rotate(&store, tenant, tokens[1], tokens[2]).await;
    assert!(matches!(rotation, Rotation::Refused), "{rotation:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_shown_many_times_at_once_never_gives_two_good_ones() {
    let (_test, store, _, tenant) = ready().await;
    for round in 0..10_u32 {
        let id = SessionId::new(Uuid::from_u128(7_000 + u128::from(round)));
        let first = token(50_000 + round);
        start(&store, tenant, id, first).await;
        let rotations = all((0..8).map(|number| {
            let store = store.clone();
            async move { rotate(&store, tenant, first, token(60_000 + round * 100 + number)).await }
        }))
        .await;
        let rotated = rotations
            .iter()
            .filter(|it| matches!(it, Rotation::Rotated { .. }))
            .count();
        assert_eq!(rotated, 2, "the first, and one that was forgiven: {rotations:?}");
        let reused = rotations
            .iter()
            .filter(|it| matches!(it, Rotation::Reused { .. }))
            .count();
        assert_eq!(reused, 1, "the third ends the family: {rotations:?}");
        let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
        let row = session::find(&mut tx, id)
            .await
            .expect("read")
            .expect("a session");
        assert!(row.ended_at.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_good_once_for_one_purpose_and_for_a_time() {
    let (test, store, _, tenant) = ready().await;
    let user = UserId::new(Uuid::from_u128(9));
    let put = |hash, purpose| {
        change(
            &store,
            tenant,
            Change::PutTicket(Ticket {
                hash,
                purpose,
                user,
                expires_at: store.now() + TimeDelta::minutes(30),
                content: None,
            }),
        )
    };
    put(token(1), Purpose::Invitation).await.expect("put");
    put(token(2), Purpose::PasswordReset).await.expect("put");
    let find = async |hash: u32, purpose| {
        let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
        ticket::find(&mut tx, &token(hash), purpose, store.now())
            .await
            .expect("read")
    };
    assert_eq!(find(1, Purpose::Invitation).await, Some(user));
    assert_eq!(find(1, Purpose::PasswordReset).await, None);
    // Another one for the same purpose voids the first.
    put(token(3), Purpose::Invitation).await.expect("put");
    assert_eq!(find(1, Purpose::Invitation).await, None);
    let spent = all((0..8).map(|_| {
        let store = store.clone();
        async move { change(&store, tenant, Change::SpendTicket { ticket: token(3) }).await }
    }))
    .await;
    assert_eq!(spent.iter().filter(|spent| spent.is_ok()).count(), 1);
    assert!(
        spent
            .iter()
            .all(|spent| matches!(spent, Ok(_) | Err(StoreError::Conflict)))
    );
    test.clock().advance(TimeDelta::minutes(31));
    assert_eq!(find(2, Purpose::PasswordReset).await, None);
}

#[tokio::test]
async fn after_ten_attempts_each_waits_twice_as_long_and_never_for_ever() {
    let (test, store, _, tenant) = ready().await;
    let attempt = || delay::attempt(&store, tenant, "somebody");
    for _ in 0..10 {
        assert_eq!(attempt().await.expect("counted"), None);
    }
    let mut waits = Vec::new();
    for _ in 0..14 {
        let until = attempt().await.expect("counted").expect("held");
        waits.push((until - store.now()).num_seconds());
        test.clock().set(until);
        assert_eq!(attempt().await.expect("counted"), None, "the wait is over");
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
    assert_eq!(
        delay::attempt(&store, tenant, "somebody else")
            .await
            .expect("counted"),
        None
    );
    test.clock().advance(TimeDelta::hours(1));
    for _ in 0..10 {
        assert_eq!(attempt().await.expect("counted"), None, "a quiet while forgives");
    }
}

// Property 51: a suspicious pattern blocks the address for a time, longer each time.
#[tokio::test]
async fn a_network_that_strikes_too_often_is_blocked_for_a_time() {
    let (test, store, _, _) = ready().await;
    let rule = BlockRule {
        strikes: 3,
        ..BlockRule::default()
    };
    let strike = || address::strike(&store, "192.0.2.7", rule);
    for minutes in [15, 30, 60] {
        assert_eq!(strike().await.expect("counted"), None);
        assert_eq!(strike().await.expect("counted"), None);
        let until = strike().await.expect("counted").expect("blocked");
        assert_eq!(until, store.now() + TimeDelta::minutes(minutes));
        let seen = address::blocked_until(&store, "192.0.2.7").await.expect("read");
        assert_eq!(seen, Some(until), "on every instance");
        assert_eq!(
            address::blocked_until(&store, "192.0.2.8").await.expect("read"),
            None
        );
        test.clock().set(until);
        assert_eq!(
            address::blocked_until(&store, "192.0.2.7").await.expect("read"),
            None
        );
    }
    assert_eq!(strike().await.expect("counted"), None);
    test.clock().advance(TimeDelta::minutes(11));
    for _ in 0..2 {
        assert_eq!(strike().await.expect("counted"), None, "the window has passed");
    }
}

/// What a network has done, and until when it was blocked for it.
#[derive(Debug, Default)]
struct Struck {
    /// Since the last block.
    at: Vec<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    /// Before this one, within a day of each other.
    blocks: u32,
}

impl Struck {
    fn within(&self, window: TimeDelta, now: DateTime<Utc>) -> usize {
        self.at.iter().filter(|&&at| at >= now - window).count()
    }
}

// Property 51: whoever shows a suspicious pattern, whatever it is, is blocked for a time, and nobody else is. What is counted is
// known from the outside: a window begins with a strike, so that fewer than twice as many go through at its edge.
#[tokio::test]
async fn a_network_is_blocked_for_a_time_whenever_it_strikes_too_often_and_never_otherwise() {
    let (test, store, _, _) = ready().await;
    let rules = (2_u32..6, 1_i64..20, 1_i64..30);
    let strikes = prop::collection::vec((0_usize..3, 0_i64..400), 10..60);
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRunner::deterministic().rng().clone());
    let (mut blocked, mut longest) = (0, TimeDelta::zero());
    for case in 0..60 {
        let ((most, window, block), pattern) = (&rules, &strikes)
            .new_tree(&mut runner)
            .expect("generated")
            .current();
        let rule = BlockRule {
            strikes: most,
            window: TimeDelta::minutes(window),
            block: TimeDelta::minutes(block),
        };
        let name = |network: usize| format!("case-{case}-{network}");
        let mut networks: [Struck; 3] = Default::default();
        for (network, seconds) in pattern {
            test.clock().advance(TimeDelta::seconds(seconds));
            let now = store.now();
            let told = address::strike(&store, &name(network), rule)
                .await
                .expect("counted");
            let struck = &mut networks[network];
            struck.at.push(now);
            let most = rule.strikes as usize;
            if told.is_some() && told != struck.until {
                let since = struck.within(rule.window, now);
                assert!(since >= most, "{since} of {most} are no pattern: {struck:?}");
                if struck.until.is_none_or(|until| until < now - TimeDelta::days(1)) {
                    struck.blocks = 0;
                }
                let length = (rule.block * 2_i32.pow(struck.blocks.min(10))).min(TimeDelta::days(1));
                let until = struck.until.max(Some(now + length));
                assert_eq!(told, until, "{struck:?}");
                (blocked, longest) = (blocked + 1, longest.max(length));
                *struck = Struck {
                    at: Vec::new(),
                    until,
                    blocks: struck.blocks + 1,
                };
            } else {
                let since = struck.within(rule.window, now);
                assert!(since < 2 * most - 1, "{since} of {most} went through: {struck:?}");
            }
            for (network, struck) in networks.iter().enumerate() {
                let seen = address::blocked_until(&store, &name(network))
                    .await
                    .expect("read");
                assert_eq!(
                    seen,
                    struck.until.filter(|&until| until > now),
                    "{network}: {struck:?}"
                );
            }
        }
    }
    assert!(
        blocked > 100 && longest > TimeDelta::hours(2),
        "{blocked}, {longest}"
    );
}

#[tokio::test]
async fn equal_sign_ins_are_one_row_and_a_flood_is_counted_without_addresses() {
    let (test, store, _, tenant) = ready().await;
    let record = async |outcome, ip: String| {
        let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
        let sign_in = SignIn {
            id: store.ids().next(),
            outcome,
            user: None,
            ip: Some(ip),
            user_agent: None,
            at: store.now(),
        };
        sign_in::record(&mut tx, &sign_in).await.expect("recorded");
        tx.commit().await.expect("commit");
    };
    let list = async || {
        let mut tx = store.db().tenant_tx(tenant).await.expect("tx");
        sign_in::list(&mut tx, None, Stretch::newest(500))
            .await
            .expect("read")
    };
    for _ in 0..5 {
        record(Outcome::WrongPassword, "192.0.2.1".to_owned()).await;
    }
    let rows = list().await;
    assert_eq!((rows.len(), rows[0].times), (1, 5));
    for number in 0..200 {
        record(Outcome::WrongPassword, format!("198.51.100.{number}")).await;
    }
    let rows = list().await;
    assert_eq!(rows.len(), 61, "sixty with their addresses, one for the crowd");
    let crowd = rows.iter().find(|row| row.ip.is_none()).expect("the crowd");
    assert_eq!(crowd.times, 141);
    record(Outcome::Succeeded, "203.0.113.9".to_owned()).await;
    assert!(
        list().await.iter().any(|row| row.outcome == Outcome::Succeeded),
        "success is always kept"
    );
    for _ in 0..40 {
        test.clock().advance(TimeDelta::days(200));
        record(Outcome::Succeeded, "203.0.113.9".to_owned()).await;
    }
    assert_eq!(
        list()
            .await
            .iter()
            .filter(|row| row.outcome == Outcome::WrongPassword)
            .count(),
        0
    );
}
