//! How much a client may ask for: requests and points, per user and per tenant, shared by all instances; requests per
//! address on this instance, before anybody has said who they are.
//!
//! An instance takes points from the shared budget in portions and spends them by itself, so that most requests
//! cost no round trip. What is left of a portion when the instance ends is lost; it comes back by itself.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use serde_json::json;
use simpul_domain::{Code, TenantId};
use simpul_event_store::inline::budget;
pub use simpul_event_store::inline::budget::Rate;

use crate::{ApiError, ApiState, BySurface, Surface, auth::Viewer};

/// Tenants that withdraw at the same time.
const LANES: usize = 16;
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

    /// `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds until the budget is full).
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        for (name, value) in [
            ("ratelimit-limit", self.limit()),
            ("ratelimit-remaining", self.remaining()),
            ("ratelimit-reset", self.seconds_to_full()),
        ] {
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

fn empty(short_of: u32, rate: Rate, what: &str) -> ApiError {
    ApiError {
        code: Code::RateLimit,
        message: format!("The budget of {what} is used up, wait before the next request"),
        params: json!({ "budget": what, "retryAfterSeconds": seconds_for(short_of, rate).max(1) }),
    }
}

/// Points that this instance has taken and not spent.
#[derive(Debug, Clone, Copy)]
struct Purse {
    points: u32,
    remaining: u32,
    used_at: DateTime<Utc>,
}

/// Points that came back since; for what only this instance counts.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    milli: i64,
    at: DateTime<Utc>,
}

type Key = (TenantId, String);

/// The budgets as this instance sees them.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    limits: Limits,
    purses: Mutex<HashMap<Key, Purse>>,
    addresses: Mutex<HashMap<IpAddr, Bucket>>,
    /// One at a time goes to the database, so that a crowd with an empty purse takes one portion and not a hundred.
    withdrawing: [tokio::sync::Mutex<()>; LANES],
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

    /// One request from an address.
    pub(crate) fn knock(&self, address: IpAddr, now: DateTime<Utc>) -> Result<(), ApiError> {
        let rate = self.limits.address_requests;
        let full = i64::from(rate.capacity) * 1_000;
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= MAX_KEPT {
            // Whoever knocked more than a minute ago starts afresh.
            addresses.retain(|_, bucket| (now - bucket.at).num_seconds() < 60);
        }
        let bucket = addresses
            .entry(network(address))
            .or_insert(Bucket { milli: full, at: now });
        let elapsed = (now - bucket.at).num_milliseconds().max(0);
        let refill = elapsed.saturating_mul(rate.per_minute.into()) / 60;
        bucket.milli = bucket.milli.saturating_add(refill).min(full);
        bucket.at = bucket.at.max(now);
        if bucket.milli < 1_000 {
            return Err(empty(1, rate, "the address"));
        }
        bucket.milli -= 1_000;
        Ok(())
    }

    /// One request of a user.
    pub(crate) async fn request(&self, state: &ApiState, viewer: Viewer) -> Result<(), ApiError> {
        let scope = format!("requests {}", viewer.user);
        self.take(
            state,
            viewer.tenant,
            scope,
            1,
            self.limits.user_requests,
            "requests",
        )
        .await
        .map(drop)
    }

    /// The price of an operation. Says what is left for the user.
    pub(crate) async fn spend(
        &self,
        state: &ApiState,
        surface: Surface,
        viewer: Viewer,
        points: u32,
    ) -> Result<Left, ApiError> {
        let Points {
            user: rate, tenant, ..
        } = *self.limits.points.of(surface);
        let scope = points_of(surface, viewer);
        let remaining = self
            .take(state, viewer.tenant, scope, points, rate, "points")
            .await?;
        // Last, so that whoever is refused costs their colleagues nothing.
        let scope = format!("points {surface}");
        self.take(state, viewer.tenant, scope, points, tenant, "the tenant's points")
            .await?;
        Ok(Left { rate, remaining })
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

    async fn take(
        &self,
        state: &ApiState,
        tenant: TenantId,
        scope: String,
        points: u32,
        rate: Rate,
        what: &str,
    ) -> Result<u32, ApiError> {
        let now = state.store().now();
        let key = (tenant, scope);
        if let Some(remaining) = self.pay(&key, points, now) {
            return Ok(remaining);
        }
        let lane = tenant.as_uuid().as_u128() % LANES as u128;
        let lane = &self.withdrawing[usize::try_from(lane).unwrap_or(0)];
        let _turn = lane.lock().await;
        if let Some(remaining) = self.pay(&key, points, now) {
            return Ok(remaining);
        }
        // What the purse holds is spent first, so that no point lies idle while another is asked for.
        let held = self.empty(&key);
        let least = points - held.min(points);
        let wanted = least.saturating_add(rate.capacity / PORTION);
        let (store, (_, scope)) = (state.store().clone(), key.clone());
        let withdrawal = state.detached(async move {
            Ok(budget::withdraw(&store, tenant, &scope, (least, wanted), rate).await?)
        });
        let taken = withdrawal.await;
        let (granted, remaining) = taken
            .as_ref()
            .map_or((0, 0), |taken| (taken.granted, taken.remaining));
        if granted < least {
            self.fill(key, held, remaining, now);
            taken?;
            return Err(empty(least - remaining.min(least), rate, what));
        }
        Ok(self.fill(key, held + granted - points, remaining, now))
    }

    /// Out of the purse, if it has enough.
    fn pay(&self, key: &Key, points: u32, now: DateTime<Utc>) -> Option<u32> {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        let purse = purses.get_mut(key).filter(|purse| purse.points >= points)?;
        purse.points -= points;
        purse.used_at = now;
        Some(purse.points.saturating_add(purse.remaining))
    }

    /// Takes all of it out of the purse.
    fn empty(&self, key: &Key) -> u32 {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        purses
            .get_mut(key)
            .map_or(0, |purse| std::mem::take(&mut purse.points))
    }

    fn fill(&self, key: Key, change: u32, remaining: u32, now: DateTime<Utc>) -> u32 {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        if purses.len() >= MAX_KEPT {
            purses.retain(|_, purse| (now - purse.used_at).num_seconds() < 60);
        }
        let purse = purses.entry(key).or_insert(Purse {
            points: 0,
            remaining,
            used_at: now,
        });
        purse.points = purse.points.saturating_add(change);
        purse.remaining = remaining;
        purse.used_at = now;
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
    use chrono::TimeDelta;

    use super::*;

    fn budgets(capacity: u32, per_minute: u32) -> Budgets {
        Budgets::new(Limits {
            address_requests: Rate { capacity, per_minute },
            ..Limits::default()
        })
    }

    #[test]
    fn an_address_may_knock_as_often_as_time_gives_back() {
        let budgets = budgets(2, 60);
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("instant");
        let here: IpAddr = "192.0.2.1".parse().expect("address");
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().expect("address");
        assert_eq!(budgets.knock(here, now), Ok(()));
        assert_eq!(budgets.knock(mapped, now), Ok(()));
        let refused = budgets.knock(here, now).expect_err("empty");
        assert_eq!(refused.code, Code::RateLimit);
        assert_eq!(refused.params["retryAfterSeconds"], 1);
        assert_eq!(budgets.knock("192.0.2.2".parse().expect("address"), now), Ok(()));
        assert_eq!(budgets.knock(here, now + TimeDelta::seconds(1)), Ok(()));
        assert!(budgets.knock(here, now + TimeDelta::seconds(1)).is_err());
    }

    #[test]
    fn neighbours_in_one_network_share_its_budget() {
        let budgets = budgets(1, 1);
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(
            budgets.knock("2001:db8::1".parse().expect("address"), now),
            Ok(())
        );
        assert!(
            budgets
                .knock("2001:db8::2".parse().expect("address"), now)
                .is_err()
        );
        assert_eq!(
            budgets.knock("2001:db8:0:1::1".parse().expect("address"), now),
            Ok(())
        );
    }
}
