//! The name under which an operator's front ends live.

use crate::text_type;

text_type! {
    /// `wifi-maju` in `wifi-maju.example.id`. Unique over the platform (a claim, not a rule of this type).
    Subdomain, SubdomainError: "a subdomain is 3 to 40 small letters, digits or inner dashes",
    pattern "^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$",
    |text| {
        (3..=40).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_work_in_the_dns_pass() {
        for text in ["", "ab", "-abc", "abc-", "Abc", "a_b", "a.b", &"a".repeat(41)] {
            assert_eq!(Subdomain::parse(text), Err(SubdomainError), "{text}");
        }
        assert!(Subdomain::parse("wifi-maju2").is_ok());
    }
}
