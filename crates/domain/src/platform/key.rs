//! Names of plans and add-ons.

use crate::text_type;

text_type! {
    /// `pro`: the name of a plan, and its stream's id.
    PlanKey, PlanKeyError: "a plan is named by 3 to 40 small letters, digits or underscores",
    pattern "^[a-z0-9_]{3,40}$", is_key
}

text_type! {
    /// `extra_router`: the name of an add-on, and its stream's id.
    AddOnKey, AddOnKeyError: "an add-on is named by 3 to 40 small letters, digits or underscores",
    pattern "^[a-z0-9_]{3,40}$", is_key
}

fn is_key(text: &str) -> bool {
    (3..=40).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

impl PlanKey {
    /// The plan without limits, whose price is agreed with each customer.
    pub fn enterprise() -> Self {
        Self("enterprise".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_small_word() {
        for text in ["", "ab", "Pro", "extra router", "extra-router", &"a".repeat(41)] {
            assert_eq!(AddOnKey::parse(text), Err(AddOnKeyError), "{text}");
        }
        assert!(AddOnKey::parse("extra_odp_maps").is_ok());
        assert_eq!(PlanKey::parse("enterprise"), Ok(PlanKey::enterprise()));
    }
}
