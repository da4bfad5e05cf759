//! The short name of a customer on bills and on the phone.

use crate::text_type;

text_type! {
    /// Unique per tenant, ignoring nothing: it is stored in capitals.
    CustomerCode, CustomerCodeError: "a customer code is 1 to 32 capitals, digits, dashes, dots or slashes",
    pattern "^[A-Z0-9][A-Z0-9./-]{0,31}$",
    |text| {
        (1..=32).contains(&text.len())
            && text.starts_with(|letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-./".contains(&byte))
    }
}
