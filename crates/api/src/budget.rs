//! How much a client may ask for, on all instances together: requests of an address, before anybody has said who they
//! are, and requests and points of a user and of a tenant.
//!
//! An instance takes points from the shared budget in portions and spends them by itself, so that most requests
//! cost no round trip. What is left of a portion when the instance ends is lost; it comes back by itself. A budget that
//! was found empty is not asked again before points can have come back: who floods us does not flood the database.

mod alone;

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use simpul_domain::{Code, TenantId};
use simpul_event_store::inline::budget;
pub use simpul_event_store::inline::budget::Rate;

use self::alone::Alone;
use crate::{ApiError, ApiState, BySurface, Surface, auth::Viewer};

/// Budgets of tenants, and of addresses, that are withdrawn from at the same time: strangers take no more connections
/// of the database.
const LANES: usize = 16;
const STRANGERS_LANES: usize = 4;
/// How long a stranger's request waits for the shared budgets.
const PATIENCE: Duration = Duration::from_millis(300);
/// A portion is this part of a whole budget.
const PORTION: u32 = 20;
/// Purses and addresses kept before those that rest are forgotten.
const MAX_KEPT: usize = 10_000;

/// What may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one address.
    pub address_requests: Rate,
    /// Requests of one user.
    pub user_requests: Rate,
    pub points: BySurface<Points>,
}

/// What operations of a surface may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Points {
    /// Of one user.
    pub user: Rate,
    /// Of a tenant, so that one cannot drown the others, and its customers not its staff.
    pub tenant: Rate,
    /// Of one operation.
    pub operation: u32,
}

impl Default for Limits {
    /// SPEC section 3; `facts/graphql.md` 5.5.
    fn default() -> Self {
        let rate = |capacity, per_minute| Rate { capacity, per_minute };
        let points = |user, tenant, operation| Points {
            user: rate(user, user),
            tenant: rate(tenant, tenant),
            operation,
        };
        Self {
            address_requests: rate(1_000, 1_000),
            user_requests: rate(100, 100),
            points: BySurface {
                staff: points(12_000, 120_000, 5_000),
                portal: points(1_200, 60_000, 1_000),
                platform: points(24_000, 240_000, 10_000),
            },
        }
    }
}

/// What is left of a user's points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    rate: Rate,
    remaining: u32,
}

impl Left {
    /// With points that were given back.
    pub(crate) fn with(self, points: u32) -> Self {
        let remaining = self.remaining.saturating_add(points).min(self.rate.capacity);
        Self { remaining, ..self }
    }

    pub(crate) const fn limit(self) -> u32 {
        self.rate.capacity
    }

    pub(crate) const fn remaining(self) -> u32 {
        self.remaining
    }

    pub(crate) fn seconds_to_full(self) -> u32 {
        seconds_for(self.rate.capacity.saturating_sub(self.remaining), self.rate)
    }

    /// In the facts of a refusal.
    pub(crate) fn told(self) -> Value {
        json!({ "limit": self.limit(), "remaining": self.remaining(), "resetSeconds": self.seconds_to_full() })
    }

    pub(crate) fn write(self, headers: &mut HeaderMap) {
        write_told(&self.told(), headers);
    }
}

/// `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds until the budget is full), if something is told.
pub(crate) fn write_told(told: &Value, headers: &mut HeaderMap) {
    for (name, fact) in [
        ("ratelimit-limit", "limit"),
        ("ratelimit-remaining", "remaining"),
        ("ratelimit-reset", "resetSeconds"),
    ] {
        if let Some(value) = told[fact].as_u64() {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

/// Whole seconds in which so many points come back.
fn seconds_for(points: u32, rate: Rate) -> u32 {
    let seconds = u64::from(points) * 60;
    let seconds = seconds.div_ceil(u64::from(rate.per_minute.max(1)));
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

fn empty(left: Left, seconds: u32, what: &str) -> ApiError {
    ApiError {
        code: Code::RateLimit,
        message: format!("The budget of {what} is used up, wait before the next request"),
        params: json!({ "budget": what, "retryAfterSeconds": seconds }),
    }
    .limited_by(left)
}

/// Points that this instance has taken and not spent.
#[derive(Debug, Clone, Copy)]
struct Purse {
    points: u32,
    remaining: u32,
    used_at: DateTime<Utc>,
    dry: Option<Dry>,
}

/// So many points are not in the shared budget before then.
#[derive(Debug, Clone, Copy)]
struct Dry {
    points: u32,
    until: DateTime<Utc>,
}

type Key = (TenantId, String);

/// The budgets as this instance sees them.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    limits: Limits,
    purses: Mutex<HashMap<Key, Purse>>,
    alone: Alone,
    /// One at a time goes to the database, so that a crowd with an empty purse takes one portion and not a hundred.
    withdrawing: [tokio::sync::Mutex<()>; LANES],
    strangers_withdrawing: [tokio::sync::Mutex<()>; STRANGERS_LANES],
    lane_of: RandomState,
}

impl Budgets {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Points of the dearest operation that a surface lets in.
    pub(crate) const fn operation_points(&self, surface: Surface) -> u32 {
        self.limits.points.of(surface).operation
    }

    /// One request from an address. When the shared budgets do not answer in time, this instance counts by itself:
    /// what cannot be counted together is no reason to refuse everybody.
    pub(crate) async fn knock(&self, state: &ApiState, address: IpAddr) -> Result<Left, ApiError> {
        let (network, now) = (network(address), state.store().now());
        let rate = self.limits.address_requests;
        if !self.alone.is_on(now) {
            let key = (TenantId::PLATFORM, format!("address {network}"));
            let lane = self.lane(&self.strangers_withdrawing, &key);
            let taken = self.take(state, key, lane, 1, rate, "the address");
            match tokio::time::timeout(PATIENCE, taken).await {
                Ok(Ok(left)) => return Ok(left),
                Ok(Err(error)) if error.code == Code::RateLimit => return Err(error),
                Ok(Err(_)) | Err(_) => self.alone.begin(now),
            }
        }
        self.alone.knock(network, rate, now)
    }

    /// One request of a user.
    pub(crate) async fn request(&self, state: &ApiState, viewer: Viewer) -> Result<Left, ApiError> {
        let key = (viewer.tenant, format!("requests {}", viewer.user));
        let lane = self.lane(&self.withdrawing, &key);
        let rate = self.limits.user_requests;
        self.take(state, key, lane, 1, rate, "requests").await
    }

    /// The price of an operation. Says what is left for the user.
    pub(crate) async fn spend(
        &self,
        state: &ApiState,
        surface: Surface,
        viewer: Viewer,
        points: u32,
    ) -> Result<Left, ApiError> {
        let Points { user, tenant, .. } = *self.limits.points.of(surface);
        let key = (viewer.tenant, points_of(surface, viewer));
        let lane = self.lane(&self.withdrawing, &key);
        let left = self.take(state, key, lane, points, user, "points").await?;
        // Last, so that whoever is refused costs their colleagues nothing.
        let key = (viewer.tenant, format!("points {surface}"));
        let lane = self.lane(&self.withdrawing, &key);
        self.take(state, key, lane, points, tenant, "the tenant's points")
            .await?;
        Ok(left)
    }

    /// Puts points back that were taken for an operation and not needed. Those of a purse that is forgotten by now
    /// come back by themselves.
    pub(crate) fn give_back(&self, surface: Surface, viewer: Viewer, points: u32) {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        for scope in [points_of(surface, viewer), format!("points {surface}")] {
            if let Some(purse) = purses.get_mut(&(viewer.tenant, scope)) {
                purse.points = purse.points.saturating_add(points);
            }
        }
    }

    fn lane<'l>(&self, lanes: &'l [tokio::sync::Mutex<()>], key: &Key) -> &'l tokio::sync::Mutex<()> {
        let lane = self.lane_of.hash_one(key) % lanes.len() as u64;
        &lanes[usize::try_from(lane).unwrap_or(0)]
    }

    async fn take(
        &self,
        state: &ApiState,
        key: Key,
        lane: &tokio::sync::Mutex<()>,
        points: u32,
        rate: Rate,
        what: &str,
    ) -> Result<Left, ApiError> {
        let now = state.store().now();
        let left = |remaining| Left { rate, remaining };
        if let Some(paid) = self.pay(&key, points, now, left) {
            return paid.map_err(|(left, seconds)| empty(left, seconds, what));
        }
        let _turn = lane.lock().await;
        if let Some(paid) = self.pay(&key, points, now, left) {
            return paid.map_err(|(left, seconds)| empty(left, seconds, what));
        }
        // What the purse holds is spent first, so that no point lies idle while another is asked for.
        let held = self.empty(&key);
        let least = points - held.min(points);
        let wanted = least.saturating_add(rate.capacity / PORTION);
        let (store, (tenant, scope)) = (state.store().clone(), key.clone());
        let withdrawal = state.detached(async move {
            Ok(budget::withdraw(&store, tenant, &scope, (least, wanted), rate).await?)
        });
        let taken = withdrawal.await;
        let (granted, remaining) = taken
            .as_ref()
            .map_or((0, 0), |taken| (taken.granted, taken.remaining));
        if granted >= least {
            return Ok(left(self.fill(
                key,
                held + granted - points,
                remaining,
                now,
                None,
            )));
        }
        let seconds = seconds_for(least - remaining.min(least), rate).max(1);
        let dry = taken.is_ok().then(|| Dry {
            points: least,
            until: now + TimeDelta::seconds(seconds.into()),
        });
        let remaining = self.fill(key, held, remaining, now, dry);
        taken?;
        Err(empty(left(remaining), seconds, what))
    }

    /// Out of the purse, if it has enough; refused, with the seconds to wait, if it is in vain to ask for more.
    fn pay(
        &self,
        key: &Key,
        points: u32,
        now: DateTime<Utc>,
        left: impl Fn(u32) -> Left,
    ) -> Option<Result<Left, (Left, u32)>> {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        let purse = purses.get_mut(key)?;
        if purse.points >= points {
            purse.points -= points;
            purse.used_at = now;
            return Some(Ok(left(purse.points.saturating_add(purse.remaining))));
        }
        let dry = purse
            .dry
            .filter(|dry| now < dry.until && points - purse.points >= dry.points)?;
        let seconds = u32::try_from(((dry.until - now).num_milliseconds() + 999) / 1_000).unwrap_or(1);
        Some(Err((left(purse.points.saturating_add(purse.remaining)), seconds)))
    }

    /// Takes all of it out of the purse.
    fn empty(&self, key: &Key) -> u32 {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        purses
            .get_mut(key)
            .map_or(0, |purse| std::mem::take(&mut purse.points))
    }

    fn fill(&self, key: Key, change: u32, remaining: u32, now: DateTime<Utc>, dry: Option<Dry>) -> u32 {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        if purses.len() >= MAX_KEPT {
            purses.retain(|_, purse| (now - purse.used_at).num_seconds() < 60);
        }
        let purse = purses.entry(key).or_insert(Purse {
            points: 0,
            remaining,
            used_at: now,
            dry,
        });
        purse.points = purse.points.saturating_add(change);
        purse.remaining = remaining;
        purse.used_at = now;
        purse.dry = dry;
        purse.points.saturating_add(remaining)
    }
}

/// The budget of a user's points.
fn points_of(surface: Surface, viewer: Viewer) -> String {
    format!("points {surface} {}", viewer.user)
}

/// Who has one address of version 6 has a whole /64.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_one_network_share_its_budget() {
        let of = |text: &str| network(text.parse().expect("address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
