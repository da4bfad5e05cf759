//! Passwords: which are taken, how they are hashed, and whether one fits a hash.
//!
//! bcrypt reads 72 bytes and no more, so a longer password is refused and never cut; mixed with a pepper, it has always 64.
//! Old hashes of either algorithm and of older peppers are understood; whatever is weaker than what is configured is
//! hashed anew when its owner signs in.

use argon2::{
    Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use aws_lc_rs::rand;
use secrecy::{ExposeSecret as _, SecretString};

use super::pepper::{Labelled, Peppers};

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
pub fn check(password: &SecretString, algorithm: Algorithm, peppers: &Peppers) -> Result<(), PasswordError> {
    let text = password.expose_secret();
    if text.chars().count() < MIN_CHARS {
        return Err(PasswordError::TooShort);
    }
    let max = match algorithm {
        Algorithm::Bcrypt { .. } if peppers.newest().is_none() => MAX_BCRYPT_BYTES,
        Algorithm::Bcrypt { .. } | Algorithm::Argon2id { .. } => MAX_BYTES,
    };
    if text.len() > max {
        return Err(PasswordError::TooLong { max });
    }
    if text.contains('\0') {
        return Err(PasswordError::Nul);
    }
    Ok(())
}

/// The hash of a password, with the newest pepper and a salt of its own. Takes as long as the algorithm wants it to.
pub fn hash(
    password: &SecretString,
    algorithm: Algorithm,
    peppers: &Peppers,
) -> Result<SecretString, PasswordError> {
    check(password, algorithm, peppers)?;
    match peppers.newest() {
        None => plain_hash(password, algorithm),
        Some(pepper) => {
            let hash = plain_hash(&pepper.mix(password), algorithm)?;
            Ok(SecretString::from(pepper.label(hash.expose_secret())))
        }
    }
}

fn plain_hash(password: &SecretString, algorithm: Algorithm) -> Result<SecretString, PasswordError> {
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
pub fn fit(password: &SecretString, stored: &SecretString, algorithm: Algorithm, peppers: &Peppers) -> Fit {
    let Labelled { hash, id } = Labelled::of(stored.expose_secret());
    let pepper = id.map(|id| peppers.find(id));
    let mixed = pepper.flatten().map(|pepper| pepper.mix(password));
    // With a pepper that was thrown away too early nothing fits; the time is taken all the same.
    let is_lost = matches!(pepper, Some(None));
    let fits = password.expose_secret().len() <= MAX_BYTES
        && plain_fits(mixed.as_ref().unwrap_or(password), hash)
        && !is_lost;
    match (fits, is_current(hash, algorithm) && peppers.is_newest(id)) {
        (false, _) => Fit::No,
        (true, true) => Fit::Yes,
        (true, false) => Fit::Outdated,
    }
}

fn plain_fits(password: &SecretString, stored: &str) -> bool {
    let text = password.expose_secret();
    if stored.starts_with("$argon2id$") {
        text.len() <= MAX_BYTES && argon2_fits(text, stored)
    } else {
        // The beginning of a longer one is compared too, in vain: it takes its time.
        let beginning = &text.as_bytes()[..text.len().min(MAX_BCRYPT_BYTES)];
        bcrypt::verify(beginning, stored).unwrap_or(false) && text.len() <= MAX_BCRYPT_BYTES
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

    use super::{super::pepper::Pepper, *};

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
        let hash = hash(
            &secret("kata sandi rahasia"),
            Algorithm::default(),
            &Peppers::default(),
        )
        .expect("hashed");
        assert!(hash.expose_secret().starts_with("$2b$12$"), "bcrypt of cost 12");
    }

    #[test]
    fn nothing_is_ever_cut_off() {
        let long = "x".repeat(MAX_BCRYPT_BYTES);
        let longer = format!("{long}y");
        assert!(hash(&secret(&long), CHEAP, &Peppers::default()).is_ok());
        let refused = hash(&secret(&longer), CHEAP, &Peppers::default()).err();
        assert_eq!(refused, Some(PasswordError::TooLong { max: 72 }));
        let stored = hash(&secret(&long), CHEAP, &Peppers::default()).expect("hashed");
        assert_eq!(
            fit(&secret(&longer), &stored, CHEAP, &Peppers::default()),
            Fit::No
        );
        assert_eq!(fit(&secret(&long), &stored, CHEAP, &Peppers::default()), Fit::Yes);
        assert!(hash(&secret(&longer), CHEAP_ARGON, &Peppers::default()).is_ok());
    }

    #[test]
    fn short_ones_and_those_with_a_nul_are_refused() {
        assert_eq!(
            check(&secret("pendek"), CHEAP, &Peppers::default()),
            Err(PasswordError::TooShort)
        );
        assert_eq!(
            check(&secret("sembilan\0belas"), CHEAP, &Peppers::default()),
            Err(PasswordError::Nul)
        );
        let endless = secret(&"x".repeat(MAX_BYTES + 1));
        assert_eq!(
            check(&endless, CHEAP_ARGON, &Peppers::default()),
            Err(PasswordError::TooLong { max: MAX_BYTES })
        );
    }

    #[test]
    fn a_weaker_hash_fits_and_is_outdated() {
        let password = secret("kata sandi lama");
        let weak = hash(&password, CHEAP, &Peppers::default()).expect("hashed");
        assert_eq!(
            fit(
                &password,
                &weak,
                Algorithm::Bcrypt { cost: 5 },
                &Peppers::default()
            ),
            Fit::Outdated
        );
        assert_eq!(
            fit(&password, &weak, CHEAP_ARGON, &Peppers::default()),
            Fit::Outdated
        );
        let other = hash(&password, CHEAP_ARGON, &Peppers::default()).expect("hashed");
        assert_eq!(fit(&password, &other, CHEAP_ARGON, &Peppers::default()), Fit::Yes);
        assert_eq!(fit(&password, &other, CHEAP, &Peppers::default()), Fit::Outdated);
        assert_eq!(
            fit(&password, &secret("no hash"), CHEAP, &Peppers::default()),
            Fit::No
        );
    }

    fn pepper(id: &str, digit: char) -> Pepper {
        let key = secret(&String::from(digit).repeat(64));
        Pepper::from_hex(id, &key).expect("a pepper")
    }

    #[test]
    fn a_hash_with_a_pepper_is_worth_nothing_without_it_and_lives_through_a_rotation() {
        let password = secret("kata sandi rahasia");
        let (none, one) = (Peppers::default(), Peppers::new(vec![pepper("a", '1')]));
        let two = Peppers::new(vec![pepper("a", '1'), pepper("b", '2')]);
        let forged = Peppers::new(vec![pepper("a", '3')]);
        let before = hash(&password, CHEAP, &none).expect("hashed");
        assert_eq!(
            fit(&password, &before, CHEAP, &one),
            Fit::Outdated,
            "it has none yet"
        );
        let stored = hash(&password, CHEAP, &one).expect("hashed");
        assert!(
            stored.expose_secret().starts_with("pepper:a:$2b$"),
            "it names its pepper"
        );
        assert_eq!(fit(&password, &stored, CHEAP, &one), Fit::Yes);
        assert_eq!(fit(&password, &stored, CHEAP, &two), Fit::Outdated);
        for without in [&none, &forged] {
            assert_eq!(fit(&password, &stored, CHEAP, without), Fit::No);
        }
        let long = secret(&"x".repeat(200));
        let stored = hash(&long, CHEAP, &two).expect("bcrypt reads all of it");
        assert_eq!(fit(&long, &stored, CHEAP, &two), Fit::Yes);
        assert_eq!(fit(&secret(&"x".repeat(199)), &stored, CHEAP, &two), Fit::No);
    }

    proptest! {
        // Property 23: what is stored of a password does not contain it, and only the password fits.
        #[test]
        fn only_the_password_fits(text in "[ -~]{10,40}", other in "[ -~]{10,40}") {
            let stored = hash(&secret(&text), CHEAP, &Peppers::default()).expect("hashed");
            prop_assert!(!stored.expose_secret().contains(&text));
            prop_assert_eq!(fit(&secret(&text), &stored, CHEAP, &Peppers::default()), Fit::Yes);
            prop_assert_eq!(fit(&secret(&other), &stored, CHEAP, &Peppers::default()) == Fit::Yes, text == other);
        }
    }
}
