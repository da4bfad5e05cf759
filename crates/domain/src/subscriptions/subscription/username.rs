//! The name with which a customer's equipment dials in.

use crate::text_type;

text_type! {
    /// Unique per router, and the router ignores case, so it is stored in small letters
    /// (`facts/domain.md` 5.9).
    PppUsername, PppUsernameError: "a PPP user name is 1 to 63 small letters, digits or one of . _ @ + -",
    pattern "^[a-z0-9._@+-]{1,63}$",
    |text| {
        (1..=63).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._@+-".contains(&byte))
    }
}
