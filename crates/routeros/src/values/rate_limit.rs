//! The `rate-limit` of PPP profiles, hotspot profiles, leases and `Mikrotik-Rate-Limit`.
//!
//! The text is written from the router's view: `rx/tx`, where rx is what the router receives, so the customer's
//! **upload**, and tx the customer's **download**. Screens usually say download/upload; products have shipped with
//! the two swapped. Here the fields carry the customer's names and only this module knows the order.
//!
//! Grammar: `rx[/tx] [rx-burst[/tx] [rx-threshold[/tx] [rx-time[/tx] [priority [rx-min[/tx]]]]]]`; a missing
//! second half repeats the first. Positional: a priority needs all burst parts before it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{BitRate, RateError, ValueError, format_duration, parse_duration};

/// One value for each direction, by the customer's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Pair<T> {
    /// From the customer: rx of the router.
    pub upload: T,
    /// To the customer: tx of the router.
    pub download: T,
}

impl<T> Pair<T> {
    /// A pair by name, so that nobody has to remember an order.
    pub const fn new(upload: T, download: T) -> Self {
        Self { upload, download }
    }

    fn all(&self, test: impl Fn(&T) -> bool) -> bool {
        test(&self.upload) && test(&self.download)
    }
}

impl<T: Copy> Pair<T> {
    /// The same in both directions.
    pub const fn both(value: T) -> Self {
        Self {
            upload: value,
            download: value,
        }
    }
}

/// How far above its rate a customer may go, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Burst {
    /// The rate during a burst; zero is no burst.
    pub rate: Pair<BitRate>,
    /// A burst is allowed while the average over `window` is below this.
    pub threshold: Pair<BitRate>,
    /// The time over which the average is taken, not the length of a burst.
    pub window: Pair<Duration>,
}

impl Burst {
    /// No burst, where the grammar needs one to be spelled: `0/0 0/0 0/0`.
    pub const NONE: Self = Self {
        rate: Pair::both(BitRate::UNLIMITED),
        threshold: Pair::both(BitRate::UNLIMITED),
        window: Pair::both(Duration::ZERO),
    };
}

/// A rate limit with all its parts. Build it with [`RateLimit::new`], read it from a router with `parse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateLimit {
    rate: Pair<BitRate>,
    burst: Option<Burst>,
    priority: Option<u8>,
    guaranteed: Option<Pair<BitRate>>,
}

/// Why a rate limit is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateLimitError {
    /// A part is not a rate.
    #[error(transparent)]
    Rate(#[from] RateError),
    /// A burst time is not a duration.
    #[error(transparent)]
    Window(#[from] ValueError),
    /// No part, or more than six.
    #[error("a rate limit has one to six parts, found {parts}")]
    Parts {
        /// How many parts were found.
        parts: usize,
    },
    /// The priority is not 1 (highest) to 8.
    #[error("priority {0:?} is not between 1 and 8")]
    Priority(String),
    /// The burst rate is below the rate.
    #[error("the burst rate is below the rate")]
    BurstBelowRate,
    /// The threshold is above the burst rate, so a burst would never end.
    #[error("the burst threshold is above the burst rate")]
    ThresholdAboveBurst,
    /// The burst time is zero or not a whole number of seconds.
    #[error("the burst time is not a whole, positive number of seconds")]
    BurstWindow,
    /// The guaranteed rate is above the rate.
    #[error("the guaranteed rate is above the rate")]
    GuaranteedAboveRate,
}

impl RateLimit {
    /// A limit without bursts.
    pub const fn new(rate: Pair<BitRate>) -> Self {
        Self {
            rate,
            burst: None,
            priority: None,
            guaranteed: None,
        }
    }

    /// Adds a burst. Its rate must not be below the limit, nor its threshold above the burst rate; the time is
    /// whole seconds, at least one.
    pub fn with_burst(mut self, burst: Burst) -> Result<Self, RateLimitError> {
        let at_least = |high: BitRate, low: BitRate| high == BitRate::UNLIMITED || high >= low;
        if !at_least(burst.rate.upload, self.rate.upload)
            || !at_least(burst.rate.download, self.rate.download)
        {
            return Err(RateLimitError::BurstBelowRate);
        }
        if !at_least(burst.rate.upload, burst.threshold.upload)
            || !at_least(burst.rate.download, burst.threshold.download)
        {
            return Err(RateLimitError::ThresholdAboveBurst);
        }
        if !burst
            .window
            .all(|window| window.subsec_nanos() == 0 && window.as_secs() > 0)
        {
            return Err(RateLimitError::BurstWindow);
        }
        self.burst = Some(burst);
        Ok(self)
    }

    /// Sets the queue priority: 1 (highest) to 8.
    pub fn with_priority(mut self, priority: u8) -> Result<Self, RateLimitError> {
        if !(1..=8).contains(&priority) {
            return Err(RateLimitError::Priority(priority.to_string()));
        }
        self.priority = Some(priority);
        Ok(self)
    }

    /// Sets the rate that is guaranteed (`limit-at`); it must not be above the limit.
    pub fn with_guaranteed(mut self, guaranteed: Pair<BitRate>) -> Result<Self, RateLimitError> {
        let within = |low: BitRate, high: BitRate| high == BitRate::UNLIMITED || low <= high;
        if !within(guaranteed.upload, self.rate.upload) || !within(guaranteed.download, self.rate.download) {
            return Err(RateLimitError::GuaranteedAboveRate);
        }
        self.guaranteed = Some(guaranteed);
        Ok(self)
    }

    /// The limit itself.
    pub const fn rate(&self) -> Pair<BitRate> {
        self.rate
    }

    /// The burst, if there is one.
    pub fn burst(&self) -> Option<Burst> {
        self.burst
            .filter(|burst| burst.rate != Pair::both(BitRate::UNLIMITED))
    }

    /// The priority in force; 8 when none was given.
    pub fn priority(&self) -> u8 {
        self.priority.unwrap_or(8)
    }

    /// The guaranteed rate; zero when none was given.
    pub fn guaranteed(&self) -> Pair<BitRate> {
        self.guaranteed.unwrap_or_default()
    }

    /// Whether two limits do the same, however they are written.
    pub fn means_the_same_as(&self, other: &Self) -> bool {
        self.rate == other.rate
            && self.burst() == other.burst()
            && self.priority() == other.priority()
            && self.guaranteed() == other.guaranteed()
    }

    /// The longest burst that a silent customer can get: threshold × window / burst rate. `None` without a burst.
    pub fn longest_burst(&self) -> Option<Pair<Duration>> {
        let burst = self.burst()?;
        let longest = |rate: BitRate, threshold: BitRate, window: Duration| {
            let millis = u128::from(threshold.bps()) * window.as_millis() / u128::from(rate.bps().max(1));
            Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
        };
        Some(Pair::new(
            longest(burst.rate.upload, burst.threshold.upload, burst.window.upload),
            longest(
                burst.rate.download,
                burst.threshold.download,
                burst.window.download,
            ),
        ))
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.rate.upload, self.rate.download)?;
        if self.burst.is_none() && self.priority.is_none() && self.guaranteed.is_none() {
            return Ok(());
        }
        let burst = self.burst.unwrap_or(Burst::NONE);
        write!(f, " {}/{}", burst.rate.upload, burst.rate.download)?;
        write!(f, " {}/{}", burst.threshold.upload, burst.threshold.download)?;
        write!(
            f,
            " {}/{}",
            window_text(burst.window.upload),
            window_text(burst.window.download)
        )?;
        if self.priority.is_some() || self.guaranteed.is_some() {
            write!(f, " {}", self.priority())?;
        }
        if let Some(guaranteed) = self.guaranteed {
            write!(f, " {}/{}", guaranteed.upload, guaranteed.download)?;
        }
        Ok(())
    }
}

fn window_text(window: Duration) -> String {
    if window.subsec_nanos() == 0 {
        window.as_secs().to_string()
    } else {
        format_duration(window)
    }
}

impl FromStr for RateLimit {
    type Err = RateLimitError;

    /// Reads what a router stores, without judging it: an operator may have typed a burst below the rate.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split_ascii_whitespace().collect();
        let (Some(first), true) = (parts.first(), parts.len() <= 6) else {
            return Err(RateLimitError::Parts { parts: parts.len() });
        };
        let rate = pair(first, rate_of)?;
        let burst = match parts.get(1) {
            None => None,
            Some(burst) => Some(Burst {
                rate: pair(burst, rate_of)?,
                threshold: parts.get(2).map_or(Ok(rate), |part| pair(part, rate_of))?,
                window: parts
                    .get(3)
                    .map_or(Ok(Pair::both(Duration::from_secs(1))), |part| {
                        pair(part, parse_duration)
                    })?,
            }),
        };
        let mut limit = Self {
            rate,
            burst,
            priority: None,
            guaranteed: None,
        };
        if let Some(part) = parts.get(4) {
            let priority = part
                .parse()
                .map_err(|_| RateLimitError::Priority((*part).to_owned()))?;
            limit = limit.with_priority(priority)?;
        }
        limit.guaranteed = parts.get(5).map(|part| pair(part, rate_of)).transpose()?;
        Ok(limit)
    }
}

fn rate_of(text: &str) -> Result<BitRate, RateError> {
    text.parse()
}

fn pair<T: Copy, E>(text: &str, read: impl Fn(&str) -> Result<T, E>) -> Result<Pair<T>, E> {
    match text.split_once('/') {
        Some((upload, download)) => Ok(Pair::new(read(upload)?, read(download)?)),
        None => read(text).map(Pair::both),
    }
}
