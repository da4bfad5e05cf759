//! Whole numbers of a range, checked where they are read.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// `MIN` to `MAX`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Within<const MIN: u16, const MAX: u16>(u16);

/// A number outside its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is a whole number from {min} to {max}")]
pub struct OutOfRange {
    pub min: u16,
    pub max: u16,
}

impl<const MIN: u16, const MAX: u16> Within<MIN, MAX> {
    /// A number that is known when the program is compiled.
    pub const fn of<const NUMBER: u16>() -> Self {
        const {
            assert!(MIN <= NUMBER && NUMBER <= MAX, "the number is outside its range");
        }
        Self(NUMBER)
    }

    /// A number as somebody gave it.
    pub fn read<N: TryInto<u16>>(number: N) -> Result<Self, OutOfRange> {
        let outside = OutOfRange { min: MIN, max: MAX };
        number.try_into().map_err(|_| outside)?.try_into()
    }

    pub const fn get(self) -> u16 {
        self.0
    }
}

impl<const MIN: u16, const MAX: u16> TryFrom<u16> for Within<MIN, MAX> {
    type Error = OutOfRange;

    fn try_from(number: u16) -> Result<Self, OutOfRange> {
        if (MIN..=MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(OutOfRange { min: MIN, max: MAX })
        }
    }
}

impl<const MIN: u16, const MAX: u16> From<Within<MIN, MAX>> for u16 {
    fn from(number: Within<MIN, MAX>) -> Self {
        number.0
    }
}

impl<const MIN: u16, const MAX: u16> JsonSchema for Within<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Within{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_its_range_is_not_read() {
        type Hour = Within<1, 24>;
        assert_eq!(Hour::read(24).map(Hour::get), Ok(24));
        let outside = Err(OutOfRange { min: 1, max: 24 });
        for number in [-1, 0, 25, 70_000] {
            assert_eq!(Hour::read(number), outside, "{number}");
        }
        assert!(serde_json::from_str::<Hour>("25").is_err());
    }
}
