//! Phone numbers, normalised once at the edge (`facts/integrations.md` 7.5, `facts/domain.md` 5.3).
//!
//! Our own rules come first: a library reads `085xxx` as a keypad. Letters are refused, never repaired; a field
//! with two numbers is refused, because only a person knows which one to use. A number is never invented.

use std::fmt;

/// A number in E.164. Indonesian numbers are recognised in every common spelling, others only with their `+`.
/// Personal data: printing shows the last three digits only.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber {
    /// Digits in international form without the plus.
    digits: String,
}

/// Why a text is not a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    #[error("there is no number")]
    Empty,
    #[error("a phone number has no letters")]
    Letters,
    #[error("there is more than one number in the field")]
    Several,
    #[error("the number is too short or too long")]
    Length,
    #[error("a number of another country begins with + and its country code")]
    CountryCode,
}

impl PhoneNumber {
    /// Parses what a person typed.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let (digits, international) = clean(text)?;
        let digits = to_international(&digits, international)?;
        let indonesian = digits.starts_with("62");
        let valid = match digits.as_bytes() {
            // Mobile: 62 8 and 7 to 11 more (10-digit 0811… numbers and old 9-digit ones are real).
            [b'6', b'2', b'8', rest @ ..] => (7..=11).contains(&rest.len()),
            // Landline: area code and subscriber.
            [b'6', b'2', first, rest @ ..] => *first != b'0' && (6..=10).contains(&rest.len()),
            rest => !indonesian && (7..=15).contains(&rest.len()),
        };
        if valid {
            Ok(Self { digits })
        } else {
            Err(PhoneError::Length)
        }
    }

    /// `+6281…`, the stored form.
    pub fn e164(&self) -> String {
        format!("+{}", self.digits)
    }

    /// `6281…`, the form most messengers want.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// Whether a messenger may reach it: an Indonesian landline cannot be.
    pub fn is_mobile(&self) -> bool {
        !self.digits.starts_with("62") || self.digits.starts_with("628")
    }

    /// `••••••890`, for screens and exports that need no more.
    pub fn masked(&self) -> String {
        let tail = &self.digits[self.digits.len().saturating_sub(3)..];
        format!("{}{tail}", "•".repeat(self.digits.len().saturating_sub(3)))
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

/// ASCII digits of any script's digits, without separators; and whether the text began with a plus.
fn clean(text: &str) -> Result<(String, bool), PhoneError> {
    let mut digits = String::with_capacity(text.len());
    let mut plus = false;
    for letter in text.trim().chars() {
        match letter {
            '+' if digits.is_empty() && !plus => plus = true,
            ' '
            | '-'
            | '.'
            | '('
            | ')'
            | '\u{a0}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{2010}'..='\u{2015}' => {}
            '/' | ',' | ';' | '|' | '+' => return Err(PhoneError::Several),
            other => digits.push(digit(other).ok_or(PhoneError::Letters)?),
        }
    }
    if digits.is_empty() {
        Err(PhoneError::Empty)
    } else {
        Ok((digits, plus))
    }
}

/// A decimal digit of the scripts that phones really send: ASCII, Arabic-Indic, Persian, full-width.
fn digit(letter: char) -> Option<char> {
    const ZEROES: [char; 4] = ['0', '\u{660}', '\u{6f0}', '\u{ff10}'];
    ZEROES.iter().find_map(|&zero| {
        u32::from(letter)
            .checked_sub(u32::from(zero))
            .and_then(|value| char::from_digit(value, 10))
    })
}

fn to_international(digits: &str, plus: bool) -> Result<String, PhoneError> {
    let digits = if plus {
        digits
    } else {
        digits.strip_prefix("00").unwrap_or(digits)
    };
    // 62 08xx and 620xx: a trunk zero after the country code.
    if let Some(rest) = digits.strip_prefix("62") {
        return Ok(format!("62{}", rest.trim_start_matches('0')));
    }
    if plus {
        return if digits.starts_with('0') {
            Err(PhoneError::CountryCode)
        } else {
            Ok(digits.to_owned())
        };
    }
    if let Some(rest) = digits.strip_prefix('0') {
        return if rest.starts_with('0') {
            Err(PhoneError::CountryCode)
        } else {
            Ok(format!("62{rest}"))
        };
    }
    if digits.starts_with('8') && (9..=12).contains(&digits.len()) {
        return Ok(format!("62{digits}"));
    }
    Err(PhoneError::CountryCode)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_spellings_of_a_mobile_number_are_equal(rest in "8[0-9]{8,11}", dashed: bool) {
            let spaced = if dashed { format!("{}-{}", &rest[..3], &rest[3..]) } else { rest.clone() };
            let wanted = PhoneNumber::parse(&format!("+62{rest}")).expect("valid");
            for text in [
                format!("0{spaced}"), format!("62{spaced}"), format!("+62 {spaced}"), format!("62 0{spaced}"),
                format!("0062{spaced}"), format!("(0){spaced}"), spaced.clone(),
            ] {
                prop_assert_eq!(PhoneNumber::parse(&text), Ok(wanted.clone()), "{}", text);
            }
            prop_assert_eq!(wanted.e164(), format!("+62{rest}"));
        }

        #[test]
        fn parsing_is_idempotent_and_never_panics(text in "\\PC{0,24}") {
            if let Ok(number) = PhoneNumber::parse(&text) {
                let again = PhoneNumber::parse(&number.e164());
                prop_assert_eq!(again.as_ref(), Ok(&number));
            }
        }

        #[test]
        fn digits_are_never_invented(text in "[+0-9 ()-]{0,20}") {
            if let Ok(number) = PhoneNumber::parse(&text) {
                let typed: String = text.chars().filter(char::is_ascii_digit).collect();
                let local = number.digits().strip_prefix("62").unwrap_or(number.digits());
                prop_assert!(typed.ends_with(local));
            }
        }

        #[test]
        fn a_letter_anywhere_is_refused(rest in "8[0-9]{8,10}", at in 0_usize..8, letter in "[A-Za-z]") {
            let mut text = format!("0{rest}");
            text.insert_str(at, &letter);
            prop_assert_eq!(PhoneNumber::parse(&text), Err(PhoneError::Letters));
        }
    }

    #[test]
    fn the_dangerous_spellings_are_handled_by_our_own_rules() {
        assert_eq!(PhoneNumber::parse("085xxx"), Err(PhoneError::Letters));
        assert_eq!(PhoneNumber::parse("O81234567890"), Err(PhoneError::Letters));
        assert_eq!(
            PhoneNumber::parse("0812345678/0813345678"),
            Err(PhoneError::Several)
        );
        assert_eq!(
            PhoneNumber::parse("0811601234").map(|number| number.e164()),
            Ok("+62811601234".to_owned())
        );
        assert_eq!(
            PhoneNumber::parse("٠٨١٢٣٤٥٦٧٨٩٠").map(|number| number.e164()),
            Ok("+6281234567890".to_owned()),
        );
        assert_eq!(PhoneNumber::parse("2125551234"), Err(PhoneError::CountryCode));
        assert_eq!(
            PhoneNumber::parse("+1 212 555 1234").map(|number| number.e164()),
            Ok("+12125551234".to_owned())
        );
    }

    #[test]
    fn a_landline_is_kept_but_has_no_messenger() {
        let number = PhoneNumber::parse("(021) 1234567").expect("Jakarta");
        assert!(!number.is_mobile());
        assert_eq!(format!("{number:?}"), "PhoneNumber(••••••••567)");
    }
}
