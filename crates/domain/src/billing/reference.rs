//! The order reference that a gateway sees: one per attempt, never the human invoice number.
//!
//! `^[A-Z][A-Z0-9-]{9,35}$` is the intersection of what the gateways accept, and beginning with a letter closes
//! the ambiguity of signatures that concatenate amount and order (`facts/integrations.md` 1.3, 1.5).

use crate::{AttemptId, text_type};

text_type! {
    /// A reference that every gateway accepts.
    MerchantRef, MerchantRefError: "a merchant reference is a capital letter and 9 to 35 more capitals, digits or dashes",
    pattern "^[A-Z][A-Z0-9-]{9,35}$",
    |text| {
        text.starts_with(|letter: char| letter.is_ascii_uppercase())
            && (10..=36).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
    }
}

impl MerchantRef {
    /// The reference of the `number`th attempt at an invoice (the first is 1). The attempt's id makes it
    /// unique over all tenants; the number is for people who read a gateway's dashboard.
    pub fn for_attempt(attempt: AttemptId, number: u16) -> Self {
        let id = attempt.to_string();
        let tail = id.rsplit('_').next().unwrap_or_default().to_ascii_uppercase();
        Self(format!("I{tail}-{number}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    proptest! {
        #[test]
        fn every_attempt_has_a_reference_that_gateways_accept(bits: u128, number: u16) {
            let reference = MerchantRef::for_attempt(AttemptId::new(Uuid::from_u128(bits)), number);
            prop_assert_eq!(MerchantRef::parse(reference.as_str()), Ok(reference));
        }
    }

    #[test]
    fn slashes_small_letters_and_leading_digits_are_refused() {
        for text in [
            "",
            "INV/2026/11/0001",
            "i7f3a000123-1",
            "17F3A000123-1",
            "I7F3A0001",
        ] {
            assert_eq!(MerchantRef::parse(text), Err(MerchantRefError), "{text}");
        }
        assert!(MerchantRef::parse("I7F3A000123-1").is_ok());
    }
}
