//! Which values must never be printed: passwords and keys, known by the name of their property.

/// Shown in place of a secret value.
pub(crate) const MASK: &str = "***";

const SECRET_PARTS: [&str; 7] = [
    "password",
    "secret",
    "response",
    "passphrase",
    "private-key",
    "shared-key",
    "token",
];

/// Whether the value of the property `name` is a secret.
pub(crate) fn is_secret(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// A word as it may be shown: `=password=x` and `?password=x` lose their value.
pub(crate) fn word(word: &[u8]) -> String {
    let (lead, body) = match word.first() {
        Some(b'=' | b'?') => word.split_at(1),
        _ => return String::from_utf8_lossy(word).into_owned(),
    };
    let start = usize::from(body.first().is_some_and(|byte| b"=<>-".contains(byte)));
    let Some(end) = body
        .iter()
        .skip(start)
        .position(|byte| *byte == b'=')
        .map(|at| at + start)
    else {
        return String::from_utf8_lossy(word).into_owned();
    };
    if is_secret(&body[start..end]) {
        let name = String::from_utf8_lossy(&body[..end]);
        return format!("{}{name}={MASK}", String::from_utf8_lossy(lead));
    }
    String::from_utf8_lossy(word).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_values_are_replaced_in_attributes_and_queries() {
        for shown in [
            "=password=hunter2",
            "?password=hunter2",
            "?=password=hunter2",
            "=ipsec-secret=hunter2",
        ] {
            let masked = word(shown.as_bytes());
            assert!(!masked.contains("hunter2"), "{masked}");
            assert!(masked.ends_with("=***"), "{masked}");
        }
    }

    #[test]
    fn other_words_are_shown_as_they_are() {
        for shown in [
            "/ppp/secret/add",
            "=name=budi",
            "?name=budi",
            "?#|",
            "!re",
            ".tag=7",
            "=",
            "",
        ] {
            assert_eq!(word(shown.as_bytes()), shown);
        }
    }
}
