//! How a router reads the values that are written to it, and the form in which it keeps them.

use std::net::Ipv4Addr;

use super::schema::{Field, Kind};
use crate::values::{BitRate, RateLimit, format_duration, parse_duration, parse_flag};

/// Which names exist in a menu.
pub(super) trait Names {
    fn has(&self, menu: &str, name: &str) -> bool;
}

/// The value as it is kept, or the router's words of refusal.
pub(super) fn accept(field: &Field, value: &[u8], names: &impl Names) -> Result<Vec<u8>, String> {
    if value.is_empty() || field.kind == Kind::Text {
        return Ok(value.to_vec());
    }
    let text = std::str::from_utf8(value).map_err(|_| invalid(field))?;
    let kept = match field.kind {
        Kind::Text => Some(text.to_owned()),
        Kind::Flag => parse_flag(text).ok().map(|flag| flag.to_string()),
        Kind::YesNo => parse_flag(text)
            .ok()
            .map(|flag| crate::values::format_flag(flag).to_owned()),
        Kind::Integer => text.parse::<u64>().ok().map(|number| number.to_string()),
        Kind::Duration => parse_duration(text).ok().map(format_duration),
        Kind::RateLimit => text.parse::<RateLimit>().ok().map(|_| text.to_owned()),
        Kind::RatePair => rate_pair(text),
        Kind::Host => Some(text.strip_suffix("/32").unwrap_or(text).to_owned()),
        Kind::Address => text.parse::<Ipv4Addr>().ok().map(|address| address.to_string()),
        Kind::AddressOrPool => (text.parse::<Ipv4Addr>().is_ok() || names.has(super::schema::POOL, text))
            .then(|| text.to_owned()),
        Kind::Ranges => Ranges::parse(text).map(|ranges| ranges.to_string()),
        Kind::Choice(choices) => return known(field, text, choices.contains(&text)),
        Kind::Reference(menu) => return known(field, text, names.has(menu, text)),
    };
    kept.map(String::into_bytes).ok_or_else(|| invalid(field))
}

fn known(field: &Field, text: &str, known: bool) -> Result<Vec<u8>, String> {
    if known {
        return Ok(text.as_bytes().to_vec());
    }
    Err(format!("input does not match any value of {}", field.name))
}

fn invalid(field: &Field) -> String {
    format!("invalid value for argument {}", field.name)
}

/// Kept as plain numbers: `10M/10M` becomes `10000000/10000000`.
fn rate_pair(text: &str) -> Option<String> {
    let (upload, download) = text.split_once('/').unwrap_or((text, text));
    let upload: BitRate = upload.parse().ok()?;
    let download: BitRate = download.parse().ok()?;
    Some(format!("{}/{}", upload.bps(), download.bps()))
}

/// The addresses of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.split(',').map(range).collect::<Option<Vec<_>>>().map(Self)
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.0
            .iter()
            .flat_map(|(first, last)| *first..=*last)
            .map(Ipv4Addr::from)
    }
}

fn range(text: &str) -> Option<(u32, u32)> {
    if let Some((first, last)) = text.split_once('-') {
        let (first, last) = (first.parse::<Ipv4Addr>().ok()?, last.parse::<Ipv4Addr>().ok()?);
        return (first <= last).then(|| (first.into(), last.into()));
    }
    let (base, length) = text.split_once('/').unwrap_or((text, "32"));
    let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    let first = u32::from(base.parse::<Ipv4Addr>().ok()?) & mask;
    Some((first, first | !mask))
}

impl std::fmt::Display for Ranges {
    /// As routers print it: a whole network as `192.168.0.0/23`, else first and last address.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (first, last)) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            let size = u64::from(last - first) + 1;
            let address = Ipv4Addr::from(*first);
            if size == 1 {
                write!(f, "{address}")?;
            } else if size.is_power_of_two() && u64::from(*first).is_multiple_of(size) {
                write!(f, "{address}/{}", 32 - size.trailing_zeros())?;
            } else {
                write!(f, "{address}-{}", Ipv4Addr::from(*last))?;
            }
        }
        Ok(())
    }
}
