//! What may be kept of a mail server's refusal: its words, without whom it names.
//!
//! Servers repeat the address in them, whole or in parts, and what is kept outlives the address: a parcel stays when its
//! user is erased.

use std::fmt::Write as _;

/// As much of a text as is kept and shown.
const MAX_CHARS: usize = 300;
const HIDDEN: &str = "…";

/// A word of an address or of a host: what may stand in either without quotes (RFC 5321 section 4.1.2).
fn belongs(letter: char) -> bool {
    letter.is_alphanumeric() || "@.!#$%&'*+-/=?^_`{|}~".contains(letter)
}

/// Whether a word is an address, or the part of this one before or behind its `@`.
fn names(word: &str, to: &str) -> bool {
    let (local, domain) = to.split_once('@').unwrap_or((to, to));
    let word = word.trim_matches(|letter: char| !letter.is_alphanumeric());
    let alike = |part: &str| part.eq_ignore_ascii_case(word) || part.to_lowercase() == word.to_lowercase();
    word.contains('@') || (!word.is_empty() && (alike(local) || alike(domain)))
}

/// One line of what a server said, without addresses and without the parts of the one that the letter goes to.
pub(super) fn words(text: &str, to: &str) -> String {
    let mut kept = String::new();
    let mut word = String::new();
    let end = |word: &mut String, kept: &mut String| {
        kept.push_str(if names(word, to) { HIDDEN } else { word });
        word.clear();
    };
    for letter in text.chars() {
        if belongs(letter) {
            word.push(letter);
        } else {
            end(&mut word, &mut kept);
            let blank = letter.is_whitespace() || letter.is_control();
            // A text of this size can be written.
            let _ = kept.write_char(if blank { ' ' } else { letter });
        }
    }
    end(&mut word, &mut kept);
    let line = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_words_stay_and_whom_they_name_does_not() {
        let to = "siti@kayu.example";
        for (said, kept) in [
            (
                "5.1.1 <siti@kayu.example>: Recipient address rejected",
                "5.1.1 <…>: Recipient address rejected",
            ),
            (
                "5.1.1 SITI@KAYU.EXAMPLE unknown,\r\n ask kayu.example.",
                "5.1.1 … unknown, ask …",
            ),
            (
                "no mailbox \"siti\" here; write to abuse@kayu.example",
                "no mailbox \"…\" here; write to …",
            ),
            ("5.7.1 message looks like spam", "5.7.1 message looks like spam"),
        ] {
            assert_eq!(words(said, to), kept, "{said}");
        }
        assert_eq!(words(&"x ".repeat(1_000), to).chars().count(), MAX_CHARS);
    }

    proptest! {
        #[test]
        fn whatever_a_server_says_the_address_is_not_kept(
            local in "[a-z][a-z0-9.+_-]{2,12}[a-z]", domain in "[a-z]{3,10}\\.example",
            before in "[ -~]{0,40}", between in "[ <>:;,\"()]{1,3}", after in "[ -~]{0,40}", shout in any::<bool>(),
        ) {
            let to = format!("{local}@{domain}");
            let named = if shout { to.to_uppercase() } else { to.clone() };
            let said = format!("{before}{between}{named}{between}{local}{between}{after}");
            let kept = words(&said, &to).to_lowercase();
            prop_assert!(!kept.contains(&to), "{}", kept);
            prop_assert!(!kept.chars().any(char::is_control));
        }
    }
}
