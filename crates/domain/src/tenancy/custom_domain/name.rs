//! Names in the DNS that can be an operator's own.

use crate::text_type;

/// Where the proof of a domain is: a TXT record of this label below it (RFC 8552: labels with an underscore are no hosts).
pub const CHALLENGE_LABEL: &str = "_simpul";

/// Names that never lead to somebody's own host (RFC 6761, RFC 6762, RFC 8375, RFC 9476).
const RESERVED: [&str; 11] = [
    "alt",
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "invalid",
    "lan",
    "local",
    "localhost",
    "onion",
];

text_type! {
    /// `billing.wifimaju.id`: small letters, of at least two labels (RFC 1123 section 2.1, RFC 1035 section 2.3.4). An
    /// address is none: the last label has a letter.
    DomainName, DomainNameError: "a domain has at least two labels of small letters, digits and inner dashes, and is not reserved",
    pattern "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    |text| {
        let mut labels = text.split('.');
        let last = labels.next_back().unwrap_or_default();
        // The label of the proof comes in front of it.
        text.len() <= 240
            && text.contains('.')
            && text.split('.').all(is_label)
            && last.bytes().any(|byte| byte.is_ascii_lowercase())
            && !RESERVED.contains(&last)
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl DomainName {
    /// The name of the TXT record that proves it.
    pub fn challenge(&self) -> String {
        format!("{CHALLENGE_LABEL}.{self}")
    }

    /// Whether it is `platform` or below it: such names are the platform's to give.
    pub fn is_below(&self, platform: &str) -> bool {
        let platform = platform.trim_end_matches('.').to_ascii_lowercase();
        self.as_str()
            .strip_suffix(&platform)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_can_be_somebodys_own_pass() {
        for text in [
            "",
            "id",
            "wifimaju",
            "Wifimaju.id",
            "wifi_maju.id",
            "-a.id",
            "a-.id",
            "a..id",
            "a.id.",
            "127.0.0.1",
            "a.local",
            "metadata.google.internal",
            "x.localhost",
            "a b.id",
            "_simpul.maju.id",
        ] {
            assert_eq!(DomainName::parse(text), Err(DomainNameError), "{text}");
        }
        assert!(DomainName::parse(&format!("{}.id", "a".repeat(64))).is_err());
        let name = DomainName::parse("billing.wifi-maju.id").expect("a name");
        assert_eq!(name.challenge(), "_simpul.billing.wifi-maju.id");
    }

    #[test]
    fn what_is_below_the_platform_is_not_an_operators_own() {
        let below = |name: &str| DomainName::parse(name).expect("a name").is_below("Simpul.id.");
        assert!(below("simpul.id") && below("maju.simpul.id"));
        assert!(!below("notsimpul.id") && !below("simpul.id.maju.com"));
    }
}
