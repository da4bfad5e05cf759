//! E-mail addresses as names to sign in with.

use crate::text_type;

const MAX_BYTES: usize = 254;

text_type! {
    /// One address, in lower case and without blanks around it. It is sealed before it is stored, and found again by
    /// a keyed hash.
    EmailAddress, EmailAddressError: "an e-mail address has a name, an @ and a domain",
    pattern "^[^@\\s]{1,64}@[^@\\s]{1,189}$",
    |text| {
        let plain = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !b"<>()[],;:\\\"".contains(&byte);
        text.len() <= MAX_BYTES && text.bytes().all(plain) && text.split_once('@').is_some_and(|(name, domain)| {
            (1..=64).contains(&name.len()) && !domain.contains('@') && is_domain(domain)
        })
    }
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    domain.contains('.') && domain.split('.').all(label)
}

impl EmailAddress {
    /// As typed: blanks around it and capitals do not make another address.
    pub fn typed(text: &str) -> Result<Self, EmailAddressError> {
        Self::try_from(text.trim().to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_however_it_was_typed() {
        let address = EmailAddress::typed(" Siti@Kayu.Example ").expect("an address");
        assert_eq!(address.as_str(), "siti@kayu.example");
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        let long = format!("{}@kayu.example", "x".repeat(65));
        for text in [
            "",
            "siti",
            "@kayu.example",
            "siti@",
            "siti@kayu",
            "a@b@c.example",
            "s iti@kayu.example",
            "siti@-k.example",
            &long,
        ] {
            assert_eq!(EmailAddress::typed(text), Err(EmailAddressError), "{text}");
        }
    }
}
