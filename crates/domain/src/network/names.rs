//! Names as routers spell them.

use crate::text_type;

text_type! {
    /// Name of a PPP profile on a router.
    PppProfile, PppProfileError: "a PPP profile name is 1 to 64 printable ASCII characters without outer blanks",
    pattern "^[!-~]([ -~]{0,62}[!-~])?$",
    |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
            && text.trim() == text
    }
}

impl PppProfile {
    /// The default name of the profile that leads to the pay page.
    pub fn isolir() -> Self {
        Self("isolir".to_owned())
    }
}

text_type! {
    /// Where a router is reached: a DNS name or an IP address. Which ones are allowed is the egress guard's rule.
    RouterHost, RouterHostError: "a router's host is a DNS name or an IP address",
    pattern "^[A-Za-z0-9.:_-]{1,253}$",
    |text| {
        (1..=253).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:_-".contains(&byte))
    }
}

text_type! {
    /// A SHA-256 in lower-case hex.
    Sha256Hex, Sha256HexError: "a SHA-256 is 64 lower-case hex digits",
    pattern "^[0-9a-f]{64}$",
    |text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
