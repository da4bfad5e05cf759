//! Taxes on what is sold: a rate on a part of the price (`facts/domain.md` 5.1), on top of it or within it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{MoneyError, Rupiah};

/// `base × rate`, both fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tax {
    /// Hundredths of a per cent: 1200 is 12 %.
    pub rate_basis_points: u16,
    /// The part of the price that is taxed: 11/12 for PPN on what is no luxury (`facts/domain.md` 5.1).
    pub base_numerator: u8,
    pub base_denominator: u8,
}

/// A rate above 100 %, or a base that is no part of the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tax has a rate of at most 100 % and a base of at most the price")]
pub struct TaxError;

/// Basis points in the whole.
const WHOLE: i128 = 10_000;

impl Tax {
    pub const fn check(self) -> Result<(), TaxError> {
        if self.rate_basis_points > 10_000
            || self.base_denominator == 0
            || self.base_numerator > self.base_denominator
        {
            Err(TaxError)
        } else {
            Ok(())
        }
    }

    /// What comes on top of `total`. Rounded down, once.
    pub fn on(self, total: Rupiah) -> Result<Rupiah, MoneyError> {
        let (share, whole) = self.fraction();
        rupiah(i128::from(total.get()) * share / whole)
    }

    /// What of `total` is this tax, when the price has it in it. Rounded down, once, so that the rest and the tax are
    /// the price.
    pub fn within(self, total: Rupiah) -> Result<Rupiah, MoneyError> {
        let (share, whole) = self.fraction();
        rupiah(i128::from(total.get()) * share / (whole + share))
    }

    fn fraction(self) -> (i128, i128) {
        let share = i128::from(self.base_numerator) * i128::from(self.rate_basis_points);
        (share, i128::from(self.base_denominator.max(1)) * WHOLE)
    }
}

fn rupiah(amount: i128) -> Result<Rupiah, MoneyError> {
    Rupiah::try_new(i64::try_from(amount).map_err(|_| MoneyError::OutOfRange)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PPN: Tax = Tax {
        rate_basis_points: 1_200,
        base_numerator: 11,
        base_denominator: 12,
    };

    fn amount(amount: i64) -> Rupiah {
        Rupiah::try_new(amount).expect("in range")
    }

    #[test]
    fn ppn_on_what_is_no_luxury_is_eleven_per_cent() {
        assert_eq!(PPN.on(amount(150_000)), Ok(amount(16_500)));
        assert_eq!(PPN.within(amount(166_500)), Ok(amount(16_500)));
    }

    proptest! {
        #[test]
        fn the_tax_within_a_price_is_at_most_the_tax_on_the_rest(price in 0_i64..9_000_000_000, rate in 0_u16..10_000) {
            let tax = Tax { rate_basis_points: rate, ..PPN };
            let within = tax.within(amount(price)).expect("in range");
            let rest = amount(price).sub(within).expect("in range");
            let on_top = tax.on(rest).expect("in range").get();
            // Both are rounded down once: a rupiah of difference is what rounding leaves.
            prop_assert!((on_top - within.get()).abs() <= 1, "{on_top} {within}");
        }
    }
}
