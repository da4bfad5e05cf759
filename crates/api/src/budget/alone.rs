//! Requests of addresses as this instance counts them by itself, while the shared budgets cannot be asked.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Left, MAX_KEPT, Rate, empty};
use crate::ApiError;

/// How long nobody asks after the shared budgets did not answer.
const LASTS: TimeDelta = TimeDelta::seconds(2);

/// Points that came back since.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    milli: i64,
    at: DateTime<Utc>,
}

#[derive(Debug, Default)]
pub(super) struct Alone(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    until: Option<DateTime<Utc>>,
    addresses: HashMap<IpAddr, Bucket>,
}

impl Alone {
    /// The shared budgets do not answer.
    pub(super) fn begin(&self, now: DateTime<Utc>) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let was_on = counted
            .until
            .replace(now + LASTS)
            .is_some_and(|until| now < until);
        drop(counted);
        if !was_on {
            tracing::warn!("requests of addresses are counted by this instance alone");
        }
    }

    pub(super) fn is_on(&self, now: DateTime<Utc>) -> bool {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.until.is_some_and(|until| now < until)
    }

    /// One request from an address.
    pub(super) fn knock(&self, network: IpAddr, rate: Rate, now: DateTime<Utc>) -> Result<Left, ApiError> {
        let full = i64::from(rate.capacity) * 1_000;
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.addresses.len() >= MAX_KEPT {
            // Whoever knocked more than a minute ago starts afresh.
            counted
                .addresses
                .retain(|_, bucket| (now - bucket.at).num_seconds() < 60);
        }
        let bucket = counted
            .addresses
            .entry(network)
            .or_insert(Bucket { milli: full, at: now });
        let elapsed = (now - bucket.at).num_milliseconds().max(0);
        let refill = elapsed.saturating_mul(rate.per_minute.into()) / 60;
        bucket.milli = bucket.milli.saturating_add(refill).min(full);
        bucket.at = bucket.at.max(now);
        if bucket.milli < 1_000 {
            return Err(empty(Left { rate, remaining: 0 }, 1, "the address"));
        }
        bucket.milli -= 1_000;
        let remaining = u32::try_from(bucket.milli / 1_000).unwrap_or(0);
        Ok(Left { rate, remaining })
    }
}

#[cfg(test)]
mod tests {
    use simpul_domain::Code;

    use super::*;

    const RATE: Rate = Rate {
        capacity: 2,
        per_minute: 60,
    };

    #[test]
    fn an_address_may_knock_as_often_as_time_gives_back() {
        let alone = Alone::default();
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("instant");
        let here: IpAddr = "192.0.2.1".parse().expect("address");
        for remaining in [1, 0] {
            assert_eq!(
                alone.knock(here, RATE, now),
                Ok(Left {
                    rate: RATE,
                    remaining
                })
            );
        }
        let refused = alone.knock(here, RATE, now).expect_err("empty");
        assert_eq!(refused.code, Code::RateLimit);
        assert_eq!(refused.params["retryAfterSeconds"], 1);
        assert!(
            alone
                .knock("192.0.2.2".parse().expect("address"), RATE, now)
                .is_ok()
        );
        let later = now + TimeDelta::seconds(1);
        assert!(alone.knock(here, RATE, later).is_ok());
        assert!(alone.knock(here, RATE, later).is_err());
    }

    #[test]
    fn the_shared_budgets_are_asked_again_after_a_while() {
        let alone = Alone::default();
        let now = DateTime::UNIX_EPOCH;
        assert!(!alone.is_on(now));
        alone.begin(now);
        assert!(alone.is_on(now + TimeDelta::seconds(1)));
        assert!(!alone.is_on(now + LASTS));
    }
}
