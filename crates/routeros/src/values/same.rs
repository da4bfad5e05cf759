//! When two texts mean the same, so that a comparison does not see drift where there is none.

use std::net::Ipv4Addr;
use std::str::FromStr;

use super::{BitRate, Pair, RateLimit, parse_duration, parse_flag};

/// How the text of a property is to be read when it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Byte for byte.
    Text,
    /// `yes` is `true`.
    Flag,
    /// `1h` is `01:00:00`.
    Duration,
    /// `10M` is `10000000`.
    Rate,
    /// `10M` is `10M/10M` is `10000000/10000000`.
    RatePair,
    /// The six parts of a rate limit.
    RateLimit,
    /// `10.0.0.1` is `10.0.0.1/32`.
    Address,
    /// `192.168.0.0-192.168.1.255` is `192.168.0.0/23`; the order of the list counts.
    Ranges,
    /// A list with commas whose order does not count.
    Set,
}

/// How the property `name` is read. Unknown names are compared as texts.
pub fn meaning_of(name: &str) -> Meaning {
    match name {
        "disabled" | "dynamic" | "invalid" | "running" | "accept" | "use-radius" | "accounting"
        | "add-mac-cookie" | "transparent-proxy" | "block-access" => Meaning::Flag,
        "timeout" | "session-timeout" | "idle-timeout" | "keepalive-timeout" | "limit-uptime"
        | "interval" | "uptime" | "interim-update" | "mac-cookie-timeout" | "status-autorefresh"
        | "lease-time" => Meaning::Duration,
        "rate-limit" => Meaning::RateLimit,
        "max-limit" | "limit-at" | "burst-limit" | "burst-threshold" => Meaning::RatePair,
        "pcq-rate" | "pcq-burst-rate" | "pcq-burst-threshold" => Meaning::Rate,
        "address" | "remote-address" | "local-address" | "src-address" | "dst-address" | "target" => {
            Meaning::Address
        }
        "ranges" => Meaning::Ranges,
        "policy" | "dns-server" => Meaning::Set,
        _ => Meaning::Text,
    }
}

/// Whether `left` and `right` mean the same for the property `name`. What cannot be read is compared as text.
pub fn same(name: &str, left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    let equal = match meaning_of(name) {
        Meaning::Text => None,
        Meaning::Flag => both(left, right, |text| parse_flag(text).ok()),
        Meaning::Duration => both(left, right, |text| parse_duration(text).ok()),
        Meaning::Rate => both(left, right, |text| BitRate::from_str(text).ok()),
        Meaning::RatePair => both(left, right, rate_pair),
        Meaning::RateLimit => read(left, right, |text| RateLimit::from_str(text).ok())
            .map(|(left, right)| left.means_the_same_as(&right)),
        Meaning::Address => both(left, right, network),
        Meaning::Ranges => both(left, right, ranges),
        Meaning::Set => Some(set(left) == set(right)),
    };
    equal.unwrap_or(false)
}

fn read<T>(left: &str, right: &str, read: impl Fn(&str) -> Option<T>) -> Option<(T, T)> {
    Some((read(left)?, read(right)?))
}

fn both<T: PartialEq>(left: &str, right: &str, reader: impl Fn(&str) -> Option<T>) -> Option<bool> {
    read(left, right, reader).map(|(left, right)| left == right)
}

fn rate_pair(text: &str) -> Option<Pair<BitRate>> {
    let (upload, download) = text.split_once('/').unwrap_or((text, text));
    Some(Pair::new(upload.parse().ok()?, download.parse().ok()?))
}

fn network(text: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, length) = text.split_once('/').unwrap_or((text, "32"));
    let length: u8 = length.parse().ok().filter(|length| *length <= 32)?;
    Some((address.parse().ok()?, length))
}

/// First and last address of every range, in order.
fn ranges(text: &str) -> Option<Vec<(u32, u32)>> {
    text.split(',').map(range).collect()
}

fn range(text: &str) -> Option<(u32, u32)> {
    if let Some((first, last)) = text.split_once('-') {
        return Some((address(first)?, address(last)?)).filter(|(first, last)| first <= last);
    }
    let (base, length) = network(text)?;
    let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
    let first = u32::from(base) & mask;
    Some((first, first | !mask))
}

fn address(text: &str) -> Option<u32> {
    text.parse::<Ipv4Addr>().ok().map(u32::from)
}

fn set(text: &str) -> Vec<&str> {
    let mut items: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .collect();
    items.sort_unstable();
    items.dedup();
    items
}
