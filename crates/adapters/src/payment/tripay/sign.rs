//! HMAC-SHA256 with the merchant's private key, lower-case hex.

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret as _, SecretString};

/// Signs and verifies for one merchant.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    merchant_code: String,
    private_key: SecretString,
}

impl Signer {
    pub(crate) fn new(merchant_code: String, private_key: SecretString) -> Self {
        Self {
            merchant_code,
            private_key,
        }
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.private_key.expose_secret().as_bytes())
    }

    /// Of a closed payment: merchant code ‖ merchant reference ‖ amount.
    pub(crate) fn closed(&self, merchant_ref: &str, amount: i64) -> String {
        self.raw(format!("{}{merchant_ref}{amount}", self.merchant_code).as_bytes())
    }

    /// Of a callback: its body, byte for byte.
    pub(crate) fn raw(&self, body: &[u8]) -> String {
        hex::encode(hmac::sign(&self.key(), body))
    }

    /// Whether `signature` is the hex of the body's tag. Compares in constant time.
    pub(crate) fn verifies(&self, body: &[u8], signature: &str) -> bool {
        hex::decode(signature).is_ok_and(|tag| hmac::verify(&self.key(), body, &tag).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signer() -> Signer {
        Signer::new("T12345".to_owned(), "dummy-private-key-0001".into())
    }

    #[test]
    fn signatures_match_the_documented_vectors() {
        let signer = signer();
        assert_eq!(
            signer.closed("INV-7F3A-000123-1", 150_000),
            "fa33e7a144ba97da8acdcb3233be65ed4f3586a22182fae34a8a4a7bcb630218"
        );
        assert_eq!(
            signer.raw(b"T12345BSIVAOPCUST-000123"),
            "55908821cedef026a6978f0c801d8bcd9dbc8ae23f6047b3012dfb10098de7d4"
        );
    }

    #[test]
    fn neither_key_is_ever_printed() {
        assert!(!format!("{:?}", signer()).contains("dummy-private-key"));
    }

    proptest! {
        #[test]
        fn one_changed_bit_breaks_a_signature(body in prop::collection::vec(any::<u8>(), 1..300), at: prop::sample::Index, bit in 0..8_u8) {
            let signer = signer();
            let tag = signer.raw(&body);
            prop_assert!(signer.verifies(&body, &tag));
            let mut changed = body.clone();
            changed[at.index(body.len())] ^= 1 << bit;
            prop_assert!(!signer.verifies(&changed, &tag));
        }

        #[test]
        fn rubbish_signatures_are_refused_and_never_panic(signature in ".{0,80}") {
            let verified = signer().verifies(b"a body", &signature);
            prop_assert!(!verified);
        }
    }
}
