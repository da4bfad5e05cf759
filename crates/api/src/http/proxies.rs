//! Which address a request came from when proxies stand before the server (ADR 41).
//!
//! INVARIANT: what a header says counts only as far as proxies of ours have written it: hops are read from the right,
//! and the first that is not ours is the caller, whatever stands before it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
};

use axum::http::{HeaderMap, HeaderName, header};
use serde::Deserialize;
use simpul_adapters::egress::Prefix;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// More hops than any chain of proxies of ours has.
const MAX_HOPS: usize = 32;

/// In which header our proxies say whom they speak for. Only one, because a proxy that writes one lets the other
/// through as its client wrote it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// The proxies that are believed.
#[derive(Debug, Default)]
pub struct Proxies {
    networks: Vec<Prefix>,
    header: ProxyHeader,
    warned: AtomicBool,
}

impl Proxies {
    pub fn new(networks: Vec<Prefix>, header: ProxyHeader) -> Self {
        Self {
            networks,
            header,
            warned: AtomicBool::new(false),
        }
    }

    /// The address of the caller. Where our proxies do not know it, that of the outermost of them.
    pub(crate) fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer.to_canonical();
        let name = match self.header {
            ProxyHeader::XForwardedFor => X_FORWARDED_FOR,
            ProxyHeader::Forwarded => header::FORWARDED,
        };
        let lines: Vec<&str> = headers
            .get_all(&name)
            .iter()
            .map(|value| value.to_str().unwrap_or_default())
            .collect();
        if !self.has(nearest) {
            if !lines.is_empty() {
                self.warn(nearest, &name);
            }
            return nearest;
        }
        for hop in lines
            .iter()
            .rev()
            .flat_map(|line| FromTheRight(Some(*line)))
            .take(MAX_HOPS)
        {
            let said = match self.header {
                ProxyHeader::XForwardedFor => address(hop),
                ProxyHeader::Forwarded => forwarded_for(hop),
            };
            let Some(said) = said else { return nearest };
            nearest = said;
            if !self.has(nearest) {
                break;
            }
        }
        nearest
    }

    fn has(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    /// Once: behind a proxy that is not named, all callers share one address and its budget.
    fn warn(&self, peer: IpAddr, header: &HeaderName) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(%peer, %header, "an address is not believed: http.proxies.networks does not name who sends it");
        }
    }
}

/// Elements of a list, last first. Commas in quotes do not divide; whatever stands further left, such as a quote that
/// a caller has opened, cannot reach what a proxy has appended.
struct FromTheRight<'a>(Option<&'a str>);

impl<'a> Iterator for FromTheRight<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let line = self.0?;
        let bytes = line.as_bytes();
        let mut quoted = false;
        for (index, byte) in bytes.iter().enumerate().rev() {
            match byte {
                b'"' => {
                    let escapes = bytes[..index].iter().rev().take_while(|&&byte| byte == b'\\');
                    quoted ^= escapes.count() % 2 == 0;
                }
                b',' if !quoted => {
                    self.0 = Some(&line[..index]);
                    return Some(line[index + 1..].trim());
                }
                _ => {}
            }
        }
        self.0 = None;
        Some(line.trim())
    }
}

/// `for=` of one element of `Forwarded`. Names that hide an address (`unknown`, `_hidden`) are none.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(node.trim().trim_matches('"'))
}

/// An address with or without a port; IPv6 in brackets if it has one.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn proxies(header: ProxyHeader) -> Proxies {
        let networks = ["10.0.0.0/8", "2001:db8:aaaa::/48"];
        Proxies::new(
            networks.map(|network| network.parse().expect("a network")).into(),
            header,
        )
    }

    fn caller(header: ProxyHeader, peer: &str, lines: &[&str]) -> String {
        let name = match header {
            ProxyHeader::XForwardedFor => X_FORWARDED_FOR,
            ProxyHeader::Forwarded => header::FORWARDED,
        };
        let lines = lines.iter().map(|line| {
            let value = HeaderValue::from_str(line).expect("a value");
            (name.clone(), value)
        });
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        let peer = peer.parse().expect("an address");
        proxies(header).caller(peer, &headers).to_string()
    }

    #[test]
    fn the_rightmost_hop_that_is_not_ours_is_the_caller() {
        for (peer, lines, expected) in [
            // Nobody of ours is between: the header is the caller's own.
            ("203.0.113.9", &["198.51.100.1"] as &[&str], "203.0.113.9"),
            ("203.0.113.9", &["10.0.0.1"], "203.0.113.9"),
            ("203.0.113.9", &[], "203.0.113.9"),
            // Ours, and nothing said: the proxy itself asks.
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            // Whatever the caller wrote stands further left.
            ("10.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["10.0.0.7, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["\", 203.0.113.9"], "203.0.113.9"),
            // A chain of ours.
            (
                "10.0.0.1",
                &["198.51.100.1, 203.0.113.9, 10.2.3.4"],
                "203.0.113.9",
            ),
            ("10.0.0.1", &["203.0.113.9:4711, 2001:db8:aaaa::1"], "203.0.113.9"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["[2001:db8::5]:80"], "2001:db8::5"),
            ("10.0.0.1", &["2001:db8::5"], "2001:db8::5"),
            // Nothing readable: as far as is known.
            ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9,"], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
        ] {
            let found = caller(ProxyHeader::XForwardedFor, peer, lines);
            assert_eq!(found, expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        for (lines, expected) in [
            (&["for=203.0.113.9"] as &[&str], "203.0.113.9"),
            (
                &["for=198.51.100.1;proto=https, For=\"203.0.113.9:4711\";by=10.0.0.1"],
                "203.0.113.9",
            ),
            (
                &["proto=http;for=\"[2001:db8::5]:4711\";host=\"a,b\""],
                "2001:db8::5",
            ),
            (&["for=198.51.100.1", "for=203.0.113.9"], "203.0.113.9"),
            // A quote that the caller opened.
            (&["for=\"198.51.100.1, for=203.0.113.9"], "203.0.113.9"),
            (&["for=unknown"], "10.0.0.1"),
            (&["for=_hidden"], "10.0.0.1"),
            (&["203.0.113.9"], "10.0.0.1"),
        ] {
            let found = caller(ProxyHeader::Forwarded, "10.0.0.1", lines);
            assert_eq!(found, expected, "{lines:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn nothing_that_a_caller_writes_changes_what_a_proxy_appended(
            written in "[ -~]{0,60}",
            own_line in any::<bool>(),
            forwarded in any::<bool>(),
        ) {
            let (header, appended) = if forwarded {
                (ProxyHeader::Forwarded, "for=203.0.113.9")
            } else {
                (ProxyHeader::XForwardedFor, "203.0.113.9")
            };
            let joined = format!("{written}, {appended}");
            let lines: Vec<&str> = if own_line { vec![&written, appended] } else { vec![&joined] };
            prop_assert_eq!(caller(header, "10.0.0.1", &lines), "203.0.113.9");
        }
    }
}
