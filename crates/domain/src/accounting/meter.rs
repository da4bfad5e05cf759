//! What a session transferred, from cumulative counters that wrap, come late, twice or never.
//!
//! Octets have 32 bits in RADIUS (RFC 2866 section 5.3), and the upper half of its own attribute (RFC 2869 section 5.1) that
//! not every router sends. A count without it has wrapped where a later one of the same session is smaller: later by the
//! session's own seconds, so that an old packet that comes late is no wrap. The newest readings are kept in their order
//! for that. Whatever subset of them arrives in whatever order, they have no more descents than the router's counter had.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Readings that are kept of a session: so many of its packets may overtake one another. What the spool brings in order may be
/// of any number.
const WINDOW: usize = 16;
/// What a counter without its upper half jumps by.
const WRAP: u64 = 1 << 32;

/// A number of octets that every reader of the log can read: below 2^53, which no session reaches.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Octets(#[schemars(range(max = 9_007_199_254_740_991_u64))] u64);

/// More than can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session transfers less than 2^53 octets")]
pub struct OctetsError;

impl Octets {
    pub const ZERO: Self = Self(0);
    pub const MAX: Self = Self((1 << 53) - 1);

    pub const fn try_new(octets: u64) -> Result<Self, OctetsError> {
        if octets <= Self::MAX.0 {
            Ok(Self(octets))
        } else {
            Err(OctetsError)
        }
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    fn after_wraps(self, wraps: u32) -> Self {
        let octets = self.0.saturating_add(WRAP.saturating_mul(wraps.into()));
        Self(octets.min(Self::MAX.0))
    }
}

impl TryFrom<u64> for Octets {
    type Error = OctetsError;

    fn try_from(octets: u64) -> Result<Self, OctetsError> {
        Self::try_new(octets)
    }
}

impl From<Octets> for u64 {
    fn from(octets: Octets) -> Self {
        octets.0
    }
}

/// One counter in one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Count {
    pub octets: Octets,
    /// The packet had the upper half, too: such a count has not wrapped.
    pub wide: bool,
}

impl Count {
    const fn wrapped_since(self, earlier: Self) -> bool {
        !self.wide && self.octets.0 < earlier.octets.0
    }

    /// Two readings of one second. Nothing transfers half of what a counter holds within one: further apart, the smaller one
    /// is the later one, after a wrap.
    fn joined(self, other: Self) -> Self {
        let (least, most) = if self.octets < other.octets {
            (self, other)
        } else {
            (other, self)
        };
        let wide = self.wide || other.wide;
        let wrapped = !wide && most.octets.0 - least.octets.0 > WRAP / 2;
        Self {
            octets: if wrapped {
                least.octets.after_wraps(1)
            } else {
                most.octets
            },
            wide,
        }
    }
}

/// The counters in one packet, since the session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reading {
    /// How long the session has lasted; nothing can be ordered without.
    pub seconds: Option<u32>,
    /// `Acct-Input-Octets`: what the router received from the line. Which way that is, is a matter of the router
    /// (`facts/network.md` 3.5).
    pub input: Count,
    pub output: Count,
}

/// What a session transferred so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    pub seconds: u32,
    pub input_octets: Octets,
    pub output_octets: Octets,
}

impl Usage {
    /// Each part as far as either has come.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            seconds: self.seconds.max(other.seconds),
            input_octets: self.input_octets.max(other.input_octets),
            output_octets: self.output_octets.max(other.output_octets),
        }
    }
}

/// A reading of a router that may send no upper half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Point {
    pub seconds: u32,
    pub input: Count,
    pub output: Count,
}

/// The newest readings of a session whose counters can wrap, by their seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Window {
    points: Vec<Point>,
    /// Whether there were older ones. The wraps are those up to the oldest that is kept.
    folded: bool,
    input_wraps: u32,
    output_wraps: u32,
}

/// Reads one session's counters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meter {
    pub usage: Usage,
    /// None as long as every packet had the upper halves.
    pub window: Option<Window>,
}

impl Meter {
    /// INVARIANT: usage never falls.
    pub fn read(&mut self, reading: &Reading) {
        self.usage = self.usage.joined(Usage {
            seconds: reading.seconds.unwrap_or_default(),
            input_octets: reading.input.octets,
            output_octets: reading.output.octets,
        });
        // Where the time stands still, nothing has an order; and a session that has just begun has wrapped nothing.
        if let Some(seconds) = reading.seconds.filter(|&seconds| seconds > 0)
            && !(reading.input.wide && reading.output.wide)
        {
            let window = self.window.get_or_insert_default();
            window.place(Point {
                seconds,
                input: reading.input,
                output: reading.output,
            });
            self.usage = self.usage.joined(window.usage());
        }
    }
}

impl Window {
    /// Puts a point to its place. One from before the window has no neighbours any more.
    fn place(&mut self, point: Point) {
        let place = self.points.partition_point(|other| other.seconds < point.seconds);
        if place == 0
            && self.folded
            && self
                .points
                .first()
                .is_some_and(|first| point.seconds < first.seconds)
        {
            return;
        }
        match self.points.get_mut(place) {
            Some(same) if same.seconds == point.seconds => {
                same.input = same.input.joined(point.input);
                same.output = same.output.joined(point.output);
            }
            _ => self.points.insert(place, point),
        }
        if let [oldest, next, ..] = self.points[..]
            && self.points.len() > WINDOW
        {
            self.input_wraps += u32::from(next.input.wrapped_since(oldest.input));
            self.output_wraps += u32::from(next.output.wrapped_since(oldest.output));
            self.folded = true;
            self.points.remove(0);
        }
    }

    /// What the readings amount to with the wraps between them.
    fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        let (mut input_wraps, mut output_wraps) = (self.input_wraps, self.output_wraps);
        let mut earlier: Option<&Point> = None;
        for point in &self.points {
            if let Some(earlier) = earlier {
                input_wraps += u32::from(point.input.wrapped_since(earlier.input));
                output_wraps += u32::from(point.output.wrapped_since(earlier.output));
            }
            usage = usage.joined(Usage {
                seconds: 0,
                input_octets: point.input.octets.after_wraps(input_wraps),
                output_octets: point.output.octets.after_wraps(output_wraps),
            });
            earlier = Some(point);
        }
        usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrow(seconds: u32, octets: u64) -> Reading {
        let count = Count {
            octets: Octets::try_new(octets).expect("in range"),
            wide: false,
        };
        Reading {
            seconds: Some(seconds),
            input: count,
            output: count,
        }
    }

    fn input_after(readings: &[Reading]) -> u64 {
        let mut meter = Meter::default();
        for reading in readings {
            let before = meter.usage;
            meter.read(reading);
            assert_eq!(before.joined(meter.usage), meter.usage, "what was recorded falls");
        }
        meter.usage.input_octets.get()
    }

    #[test]
    fn a_counter_that_falls_while_the_session_goes_on_has_wrapped() {
        assert_eq!(
            input_after(&[narrow(100, 4_000_000_000), narrow(200, 5)]),
            WRAP + 5
        );
    }

    #[test]
    fn a_packet_that_was_overtaken_is_no_wrap() {
        assert_eq!(
            input_after(&[narrow(200, 4_000_000_000), narrow(100, 5)]),
            4_000_000_000
        );
    }

    #[test]
    fn a_late_packet_shows_a_wrap_that_nobody_saw() {
        let late = [narrow(100, 10), narrow(300, 20), narrow(200, 4_000_000_000)];
        assert_eq!(input_after(&late), WRAP + 20);
    }

    #[test]
    fn a_counter_with_its_upper_half_never_wraps() {
        let mut wide = narrow(200, 5);
        wide.input.wide = true;
        wide.output.wide = true;
        assert_eq!(input_after(&[narrow(100, 4_000_000_000), wide]), 4_000_000_000);
    }

    #[test]
    fn without_its_seconds_a_smaller_counter_says_nothing() {
        let mut timeless = narrow(0, 5);
        timeless.seconds = None;
        assert_eq!(
            input_after(&[narrow(100, 4_000_000_000), timeless]),
            4_000_000_000
        );
    }

    #[test]
    fn what_the_spool_brings_in_order_after_live_packets_is_counted_whatever_its_length() {
        let whole: Vec<(u32, u64)> = (0..400)
            .map(|step| (step * 300, u64::from(step) * 3_000_000_000))
            .collect();
        let packet = |&(seconds, octets): &(u32, u64)| narrow(seconds, octets % WRAP);
        // Ten in time, then the newest ones, then all that was spooled.
        let order = whole[..10]
            .iter()
            .chain(&whole[396..])
            .chain(&whole[10..396])
            .map(packet);
        assert_eq!(
            input_after(&order.collect::<Vec<_>>()),
            whole.last().expect("some").1
        );
    }

    #[test]
    fn a_wrap_between_two_packets_of_one_second_is_seen_in_either_order() {
        let (last, stop, next) = (narrow(100, WRAP - 10), narrow(100, 5), narrow(200, 7));
        for order in [
            [last, stop, next],
            [stop, last, next],
            [next, last, stop],
            [next, stop, last],
        ] {
            assert_eq!(input_after(&order), WRAP + 7);
        }
        assert_eq!(input_after(&[stop, last]), WRAP + 5);
        assert_eq!(input_after(&[narrow(100, 5), narrow(100, 9)]), 9);
    }

    #[test]
    fn a_router_that_tells_no_time_has_not_wrapped() {
        assert_eq!(
            input_after(&[narrow(0, 3_000_000_000), narrow(0, 5)]),
            3_000_000_000
        );
    }

    #[test]
    fn nothing_goes_past_what_the_log_can_hold() {
        assert_eq!(Octets::try_new(1 << 53), Err(OctetsError));
        assert_eq!(Octets::MAX.after_wraps(u32::MAX), Octets::MAX);
    }
}
