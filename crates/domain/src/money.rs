//! Money: whole rupiah, checked.
//!
//! Rupiah has no usable decimals, so an amount is an `i64` number of rupiah and never a float. Every operation
//! that can leave the range returns a `Result`; splitting an amount loses nothing.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why an amount cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("amount out of range")]
    OutOfRange,
    #[error("an amount cannot be split by weights that add up to nothing")]
    NoWeights,
}

/// A number of whole rupiah (ISO 4217 IDR, exponent 0 in practice). May be negative: a difference is one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Rupiah(i64);

impl Rupiah {
    pub const ZERO: Self = Self(0);
    pub const ONE: Self = Self(1);
    /// JSON numbers stay exact up to here in every reader (RFC 8259 section 6), and no bill is larger.
    pub const MAX: Self = Self((1 << 53) - 1);

    pub const fn try_new(amount: i64) -> Result<Self, MoneyError> {
        if amount > Self::MAX.0 || amount < -Self::MAX.0 {
            Err(MoneyError::OutOfRange)
        } else {
            Ok(Self(amount))
        }
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    #[expect(
        clippy::should_implement_trait,
        reason = "the operator cannot return an error"
    )]
    pub fn add(self, other: Self) -> Result<Self, MoneyError> {
        self.0
            .checked_add(other.0)
            .ok_or(MoneyError::OutOfRange)
            .and_then(Self::try_new)
    }

    #[expect(
        clippy::should_implement_trait,
        reason = "the operator cannot return an error"
    )]
    pub fn sub(self, other: Self) -> Result<Self, MoneyError> {
        self.0
            .checked_sub(other.0)
            .ok_or(MoneyError::OutOfRange)
            .and_then(Self::try_new)
    }

    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::ZERO, Self::add)
    }

    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Ord::min(self, other)
    }

    /// Splits by weights. Each part is rounded towards zero, the remainder goes to the last part that has a
    /// weight (`facts/domain.md` 5.1), so the parts always add up to the whole.
    pub fn allocate(self, weights: &[u32]) -> Result<Vec<Self>, MoneyError> {
        let total: i128 = weights.iter().map(|&weight| i128::from(weight)).sum();
        let last = weights
            .iter()
            .rposition(|&weight| weight > 0)
            .ok_or(MoneyError::NoWeights)?;
        let mut parts: Vec<Self> = weights
            .iter()
            .map(|&weight| {
                let part = i128::from(self.0) * i128::from(weight) / total;
                i64::try_from(part).map(Self).map_err(|_| MoneyError::OutOfRange)
            })
            .collect::<Result<_, _>>()?;
        let given = Self::sum(parts.iter().copied())?;
        parts[last] = parts[last].add(self.sub(given)?)?;
        Ok(parts)
    }
}

/// `Rp150.000`, as Indonesians write it.
impl fmt::Display for Rupiah {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.unsigned_abs().to_string();
        let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push('.');
            }
            grouped.push(digit);
        }
        write!(f, "{}Rp{grouped}", if self.0 < 0 { "-" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_parts_of_an_amount_add_up_to_it(
            amount in -9_000_000_000_i64..9_000_000_000,
            weights in prop::collection::vec(0_u32..10_000, 1..12),
        ) {
            let amount = Rupiah::try_new(amount).expect("in range");
            match amount.allocate(&weights) {
                Ok(parts) => prop_assert_eq!(Rupiah::sum(parts), Ok(amount)),
                Err(error) => {
                    prop_assert_eq!(error, MoneyError::NoWeights);
                    prop_assert!(weights.iter().all(|&weight| weight == 0));
                }
            }
        }
    }

    #[test]
    fn amounts_print_the_indonesian_way() {
        let printed: Vec<String> = [0, 5, 999, 1_000, 150_000, 1_234_567, -2_500]
            .map(|amount| Rupiah(amount).to_string())
            .to_vec();
        assert_eq!(
            printed,
            [
                "Rp0",
                "Rp5",
                "Rp999",
                "Rp1.000",
                "Rp150.000",
                "Rp1.234.567",
                "-Rp2.500"
            ]
        );
    }

    #[test]
    fn leaving_the_range_is_an_error() {
        assert_eq!(Rupiah::MAX.add(Rupiah(1)), Err(MoneyError::OutOfRange));
        assert_eq!(Rupiah::try_new(i64::MIN), Err(MoneyError::OutOfRange));
    }
}
