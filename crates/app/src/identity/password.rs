//! Passwords: which are taken, how they are hashed, and whether one fits a hash.
//!
//! bcrypt reads 72 bytes and no more, so a longer password is refused and never cut. Old hashes of either algorithm
//! are understood; whatever is weaker than what is configured is hashed anew when its owner signs in.

use argon2::{
    Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use aws_lc_rs::rand;
use secrecy::{ExposeSecret as _, SecretString};

/// Fewest characters.
pub const MIN_CHARS: usize = 10;
/// bcrypt's own limit.
pub const MAX_BCRYPT_BYTES: usize = 72;
/// More is not read: hashing takes as long as a password is.
pub const MAX_BYTES: usize = 1_024;
/// The cost that SPEC section 3 asks for.
pub const BCRYPT_COST: u32 = 12;

/// How passwords are hashed from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Bcrypt { cost: u32 },
    Argon2id { memory_kib: u32, passes: u32 },
}

impl Default for Algorithm {
    fn default() -> Self {
        Self::Bcrypt { cost: BCRYPT_COST }
    }
}

impl Algorithm {
    /// Argon2id as it is recommended: 64 MiB, 3 passes, one lane.
    pub const ARGON2ID: Self = Self::Argon2id {
        memory_kib: 65_536,
        passes: 3,
    };
}

/// Why a password cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("a password has at least {MIN_CHARS} characters")]
    TooShort,
    #[error("a password has at most {max} bytes")]
    TooLong { max: usize },
    #[error("a password has no NUL in it")]
    Nul,
    /// The settings, or the machine.
    #[error("passwords cannot be hashed")]
    Unhashable,
}

/// How a password fits a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    No,
    Yes,
    /// It fits, and the hash is weaker than it should be.
    Outdated,
}

/// Whether a password may be set.
pub fn check(password: &SecretString, algorithm: Algorithm) -> Result<(), PasswordError> {
    let text = password.expose_secret();
    if text.chars().count() < MIN_CHARS {
        return Err(PasswordError::TooShort);
    }
    let max = match algorithm {
        Algorithm::Bcrypt { .. } => MAX_BCRYPT_BYTES,
        Algorithm::Argon2id { .. } => MAX_BYTES,
    };
    if text.len() > max {
        return Err(PasswordError::TooLong { max });
    }
    if text.contains('\0') {
        return Err(PasswordError::Nul);
    }
    Ok(())
}

/// The hash of a password, with a salt of its own. Takes as long as the algorithm wants it to.
pub fn hash(password: &SecretString, algorithm: Algorithm) -> Result<SecretString, PasswordError> {
    check(password, algorithm)?;
    let mut salt = [0_u8; 16];
    rand::fill(&mut salt).map_err(|_| PasswordError::Unhashable)?;
    let bytes = password.expose_secret().as_bytes();
    let text = match algorithm {
        // What would be cut off has been refused; the crate's own check refuses 72 bytes too.
        Algorithm::Bcrypt { cost } => bcrypt::hash_with_salt(bytes, cost, salt)
            .map_err(|_| PasswordError::Unhashable)?
            .to_string(),
        Algorithm::Argon2id { memory_kib, passes } => argon2(memory_kib, passes)?
            .hash_password_with_salt(bytes, &salt)
            .map_err(|_| PasswordError::Unhashable)?
            .to_string(),
    };
    Ok(SecretString::from(text))
}

/// Whether a password fits a hash. As slow as hashing, also when it cannot fit.
pub fn fit(password: &SecretString, stored: &SecretString, algorithm: Algorithm) -> Fit {
    let (text, stored) = (password.expose_secret(), stored.expose_secret());
    let fits = if stored.starts_with("$argon2id$") {
        text.len() <= MAX_BYTES && argon2_fits(text, stored)
    } else {
        // The beginning of a longer one is compared too, in vain: it takes its time.
        let beginning = &text.as_bytes()[..text.len().min(MAX_BCRYPT_BYTES)];
        bcrypt::verify(beginning, stored).unwrap_or(false) && text.len() <= MAX_BCRYPT_BYTES
    };
    match (fits, is_current(stored, algorithm)) {
        (false, _) => Fit::No,
        (true, true) => Fit::Yes,
        (true, false) => Fit::Outdated,
    }
}

fn argon2(memory_kib: u32, passes: u32) -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(memory_kib, passes, 1, None).map_err(|_| PasswordError::Unhashable)?;
    Ok(Argon2::new(argon2::Algorithm::Argon2id, Version::V0x13, params))
}

fn argon2_fits(text: &str, stored: &str) -> bool {
    let hash = PasswordHash::new(stored);
    hash.is_ok_and(|hash| Argon2::default().verify_password(text.as_bytes(), &hash).is_ok())
}

/// Whether a hash is at least as strong as what is configured, by the same algorithm.
fn is_current(stored: &str, algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::Bcrypt { cost } => {
            let of = stored.parse::<bcrypt::HashParts>();
            of.is_ok_and(|parts| parts.get_cost() >= cost)
        }
        Algorithm::Argon2id { memory_kib, passes } => {
            let params = PasswordHash::new(stored)
                .ok()
                .and_then(|hash| Params::try_from(&hash).ok());
            params.is_some_and(|params| params.m_cost() >= memory_kib && params.t_cost() >= passes)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHEAP: Algorithm = Algorithm::Bcrypt { cost: 4 };
    const CHEAP_ARGON: Algorithm = Algorithm::Argon2id {
        memory_kib: 64,
        passes: 1,
    };

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn passwords_are_hashed_by_bcrypt_at_cost_twelve_unless_somebody_says_otherwise() {
        assert_eq!(Algorithm::default(), Algorithm::Bcrypt { cost: 12 });
        let hash = hash(&secret("kata sandi rahasia"), Algorithm::default()).expect("hashed");
        assert!(hash.expose_secret().starts_with("$2b$12$"), "bcrypt of cost 12");
    }

    #[test]
    fn nothing_is_ever_cut_off() {
        let long = "x".repeat(MAX_BCRYPT_BYTES);
        let longer = format!("{long}y");
        assert!(hash(&secret(&long), CHEAP).is_ok());
        let refused = hash(&secret(&longer), CHEAP).err();
        assert_eq!(refused, Some(PasswordError::TooLong { max: 72 }));
        let stored = hash(&secret(&long), CHEAP).expect("hashed");
        assert_eq!(fit(&secret(&longer), &stored, CHEAP), Fit::No);
        assert_eq!(fit(&secret(&long), &stored, CHEAP), Fit::Yes);
        assert!(hash(&secret(&longer), CHEAP_ARGON).is_ok());
    }

    #[test]
    fn short_ones_and_those_with_a_nul_are_refused() {
        assert_eq!(check(&secret("pendek"), CHEAP), Err(PasswordError::TooShort));
        assert_eq!(check(&secret("sembilan\0belas"), CHEAP), Err(PasswordError::Nul));
        let endless = secret(&"x".repeat(MAX_BYTES + 1));
        assert_eq!(
            check(&endless, CHEAP_ARGON),
            Err(PasswordError::TooLong { max: MAX_BYTES })
        );
    }

    #[test]
    fn a_weaker_hash_fits_and_is_outdated() {
        let password = secret("kata sandi lama");
        let weak = hash(&password, CHEAP).expect("hashed");
        assert_eq!(
            fit(&password, &weak, Algorithm::Bcrypt { cost: 5 }),
            Fit::Outdated
        );
        assert_eq!(fit(&password, &weak, CHEAP_ARGON), Fit::Outdated);
        let other = hash(&password, CHEAP_ARGON).expect("hashed");
        assert_eq!(fit(&password, &other, CHEAP_ARGON), Fit::Yes);
        assert_eq!(fit(&password, &other, CHEAP), Fit::Outdated);
        assert_eq!(fit(&password, &secret("no hash"), CHEAP), Fit::No);
    }

    proptest! {
        // Property 23: what is stored of a password does not contain it, and only the password fits.
        #[test]
        fn only_the_password_fits(text in "[ -~]{10,40}", other in "[ -~]{10,40}") {
            let stored = hash(&secret(&text), CHEAP).expect("hashed");
            prop_assert!(!stored.expose_secret().contains(&text));
            prop_assert_eq!(fit(&secret(&text), &stored, CHEAP), Fit::Yes);
            prop_assert_eq!(fit(&secret(&other), &stored, CHEAP) == Fit::Yes, text == other);
        }
    }
}
