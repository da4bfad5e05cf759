//! Durations: `1w2d3h4m5s`, `12:30:05`, `1w2d03:04:05`, `450us`, and a bare number of seconds.

use std::time::Duration;

use super::ValueError;

const KIND: &str = "duration";
const SECOND_NS: u128 = 1_000_000_000;
const UNITS: [(&str, u128); 8] = [
    ("w", 7 * 86_400 * SECOND_NS),
    ("d", 86_400 * SECOND_NS),
    ("h", 3_600 * SECOND_NS),
    ("m", 60 * SECOND_NS),
    ("s", SECOND_NS),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Reads a duration. Units may come once each and in falling order; a clock (`hh:mm:ss`) may end the text.
pub fn parse_duration(text: &str) -> Result<Duration, ValueError> {
    parse(text)
        .and_then(from_nanos)
        .ok_or_else(|| ValueError::new(KIND, text))
}

fn from_nanos(nanos: u128) -> Option<Duration> {
    let seconds = u64::try_from(nanos / SECOND_NS).ok()?;
    let rest = u32::try_from(nanos % SECOND_NS).ok()?;
    Some(Duration::new(seconds, rest))
}

fn parse(text: &str) -> Option<u128> {
    let mut rest = text;
    let mut total = 0u128;
    let mut next_unit = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        if rest.contains(':') && !rest.contains(|c: char| c.is_ascii_alphabetic()) {
            return total.checked_add(parse_clock(rest)?);
        }
        let (number, after) = split_number(rest)?;
        let unit_length = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, tail) = after.split_at(unit_length);
        if unit.is_empty() {
            let bare = total == 0 && next_unit == 0 && tail.is_empty();
            return bare.then(|| number.checked_mul(SECOND_NS)).flatten();
        }
        let at = UNITS
            .iter()
            .position(|(name, _)| *name == unit)
            .filter(|at| *at >= next_unit)?;
        total = total.checked_add(number.checked_mul(UNITS[at].1)?)?;
        next_unit = at + 1;
        rest = tail;
    }
    Some(total)
}

fn split_number(text: &str) -> Option<(u128, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((u128::from(digits.parse::<u64>().ok()?), rest))
}

fn parse_clock(text: &str) -> Option<u128> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let parts: Vec<u128> = clock
        .split(':')
        .map(|part| {
            part.parse::<u32>()
                .ok()
                .filter(|_| part.len() <= 4)
                .map(u128::from)
        })
        .collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes, seconds] => (hours, minutes, seconds),
        [hours, minutes] => (hours, minutes, 0),
        _ => return None,
    };
    if minutes > 59 || seconds > 59 || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse::<u128>().ok()?;
    Some((hours * 3_600 + minutes * 60 + seconds) * SECOND_NS + nanos)
}

/// Writes a duration as routers print it: `1w2d3h4m5s`, `450us`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = duration.as_nanos();
    let mut out = String::new();
    for (name, size) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            out.push_str(&count.to_string());
            out.push_str(name);
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}
