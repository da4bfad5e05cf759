//! One-time codes (RFC 6238): SHA-1, six digits, 30 seconds, one step of tolerance, as every authenticator has them.

use aws_lc_rs::{constant_time, hmac, rand};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use super::secret::NoRandomness;

const SECRET_BYTES: usize = 20;
const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Codes for the day on which the telephone is lost.
pub const RECOVERY_CODES: usize = 10;
/// 80 bits each.
const RECOVERY_BYTES: usize = 10;

/// A new secret, in base32 as authenticators take it.
pub fn new_secret() -> Result<SecretString, NoRandomness> {
    random_text(SECRET_BYTES).map(SecretString::from)
}

/// New recovery codes, in groups of four letters.
pub fn new_recovery_codes() -> Result<Vec<SecretString>, NoRandomness> {
    let code = |_| {
        let text = random_text(RECOVERY_BYTES)?.to_ascii_lowercase();
        let groups: Vec<&str> = (0..text.len()).step_by(4).map(|at| &text[at..at + 4]).collect();
        Ok(SecretString::from(groups.join("-")))
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// A recovery code as it is compared: however it was typed.
pub fn plain_recovery_code(typed: &str) -> String {
    let letters = typed.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// What an authenticator scans. `account` is shown in it.
pub fn uri(secret: &SecretString, account: &str) -> SecretString {
    let account: String = account
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    let secret = secret.expose_secret();
    SecretString::from(format!(
        "otpauth://totp/Simpul:{account}?secret={secret}&issuer=Simpul&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    ))
}

/// The time step whose code this is, if it is one of now or its neighbours. Whoever takes it must see to it that a
/// step is taken once.
pub fn matching_step(secret: &SecretString, code: &str, now: DateTime<Utc>) -> Option<i64> {
    let key = decode(secret.expose_secret())?;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let code: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    let current = now.timestamp().div_euclid(STEP_SECONDS);
    // All three are looked at, however early one matches.
    let steps = [current, current - 1, current + 1];
    let matches = steps.map(|step| {
        let expected = at_step(&key, step);
        constant_time::verify_slices_are_equal(expected.as_bytes(), code.as_bytes()).is_ok()
    });
    steps
        .into_iter()
        .zip(matches)
        .find_map(|(step, matches)| matches.then_some(step))
}

fn at_step(key: &hmac::Key, step: i64) -> String {
    let tag = hmac::sign(key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or(0) & 0x0f);
    let four = bytes.get(offset..offset + 4).unwrap_or(&[0; 4]);
    let number = four
        .iter()
        .fold(0_u32, |number, &byte| (number << 8) | u32::from(byte))
        & 0x7fff_ffff;
    format!("{:0DIGITS$}", number % 1_000_000)
}

fn random_text(bytes: usize) -> Result<String, NoRandomness> {
    let mut random = vec![0_u8; bytes];
    rand::fill(&mut random).map_err(|_| NoRandomness)?;
    Ok(encode(&random))
}

fn encode(bytes: &[u8]) -> String {
    let (mut bits, mut held, mut text) = (0_u32, 0_u32, String::new());
    for &byte in bytes {
        bits = (bits << 8) | u32::from(byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(char::from(BASE32[(bits >> held) as usize & 31]));
        }
        bits &= (1 << held) - 1;
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut bytes) = (0_u32, 0_u32, Vec::new());
    for letter in text.bytes() {
        let digit = BASE32.iter().position(|&known| known == letter)?;
        bits = (bits << 5) | u32::try_from(digit).ok()?;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

/// The code of a moment, as an authenticator shows it.
pub fn code_at(secret: &SecretString, now: DateTime<Utc>) -> Option<String> {
    let key = decode(secret.expose_secret())?;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    Some(at_step(&key, now.timestamp().div_euclid(STEP_SECONDS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("an instant")
    }

    // RFC 6238, appendix B; its codes have eight digits, ours are the last six.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = SecretString::from(encode(b"12345678901234567890"));
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(&secret, at(seconds)).as_deref(), Some(code));
            assert_eq!(matching_step(&secret, code, at(seconds)), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_is_good_for_its_step_and_the_neighbours() {
        let secret = new_secret().expect("a secret");
        let code = code_at(&secret, at(3_000)).expect("a code");
        for (seconds, good) in [
            (2_969, false),
            (2_970, true),
            (3_029, true),
            (3_059, true),
            (3_060, false),
        ] {
            assert_eq!(
                matching_step(&secret, &code, at(seconds)).is_some(),
                good,
                "{seconds}"
            );
        }
        assert_eq!(matching_step(&secret, "", at(3_000)), None);
        assert_eq!(matching_step(&secret, "12345a", at(3_000)), None);
    }

    #[test]
    fn a_secret_reads_back_and_a_recovery_code_is_the_same_however_typed() {
        for length in 0_u8..40 {
            let bytes: Vec<u8> = (0..length).map(|number| number.wrapping_mul(37)).collect();
            let text = encode(&bytes);
            let whole = (bytes.len() * 8).is_multiple_of(5);
            assert!(!whole || decode(&text).as_deref() == Some(bytes.as_slice()));
        }
        let codes = new_recovery_codes().expect("codes");
        assert_eq!(codes.len(), RECOVERY_CODES);
        let code = codes[0].expose_secret();
        assert_eq!(code.len(), 19);
        let typed = format!(" {} ", code.to_ascii_uppercase().replace('-', " "));
        assert_eq!(plain_recovery_code(&typed), plain_recovery_code(code));
    }

    #[test]
    fn an_authenticator_is_shown_whose_code_it_is() {
        let uri = uri(&SecretString::from("ABC"), "siti+x@kayu.example");
        assert!(
            uri.expose_secret()
                .starts_with("otpauth://totp/Simpul:siti%2Bx@kayu.example?secret=ABC&")
        );
    }
}
