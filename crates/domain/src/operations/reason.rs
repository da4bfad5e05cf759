//! Why somebody did something, in their own words.

use crate::text_type;

text_type! {
    /// Why somebody intervened. Kept for ever and in clear: it should name things by their ids, not people.
    Reason, ReasonError: "a reason has 3 to 500 characters", pattern r"^[\s\S]{3,500}$",
    |text| (3..=500).contains(&text.chars().count()) && text.trim().chars().count() >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something() {
        assert!(Reason::parse("the router was replaced").is_ok());
        for nothing in ["", "ok", "     ", &"x".repeat(501)] {
            assert_eq!(Reason::parse(nothing), Err(ReasonError), "{nothing}");
        }
    }
}
