//! Scalars in machine formats, and money. Texts of people (names, phones) are plain strings, checked by commands.

use async_graphql::{
    Enum, InputObject, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value,
};
use chrono::{NaiveDate, SecondsFormat, Utc};
use simpul_domain::{Rupiah, billing::gateway::parse_amount};

/// An instant: RFC 3339 in UTC with `Z` and milliseconds. The tenant's zone is `viewer.tenant.settings.timeZone`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTime(pub(super) chrono::DateTime<Utc>);

/// An instant: RFC 3339 in UTC with `Z` and milliseconds. The tenant's zone is `viewer.tenant.settings.timeZone`.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time.html")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        chrono::DateTime::parse_from_rfc3339(text)
            .map(|at| Self(at.to_utc()))
            .map_err(|_| InputValueError::custom("an instant is written 2026-11-20T08:00:00Z"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.text())
    }
}

impl DateTime {
    pub(super) fn text(self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

/// The version of a stream. None has two thousand million events.
pub(super) fn version(of: i64) -> i32 {
    i32::try_from(of).unwrap_or(i32::MAX)
}

/// A date of the tenant's calendar: `2026-11-20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date(pub(super) NaiveDate);

/// A date of the tenant's calendar: `2026-11-20`.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/local-date.html")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(Self)
            .map_err(|_| InputValueError::custom("a date is written 2026-11-20"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A number as a text of digits without exponent: it never passes through a float.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decimal {
    /// As it was given.
    Given(String),
    /// Becomes a text when it is answered.
    Whole(i64),
}

/// A number as a text of digits without exponent: it never passes through a float.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259#section-6")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self::Given(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(match self {
            Self::Given(text) => text.clone(),
            Self::Whole(number) => number.to_string(),
        })
    }
}

/// A whole number that may not fit into 32 bits, as a text of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BigInt(pub(super) i64);

/// A whole number that may not fit into 32 bits, as a text of digits.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259#section-6")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        text.parse()
            .map(Self)
            .map_err(|_| InputValueError::custom("a whole number is written as a text of digits"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Declares a text with a form that machines know, of what is only answered with.
macro_rules! written {
    ($(#[doc = $doc:literal])+ $name:ident: $specification:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct $name(pub(super) String);

        $(#[doc = $doc])+
        #[Scalar(specified_by_url = $specification)]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                match value {
                    Value::String(text) => Ok(Self(text)),
                    other => Err(InputValueError::expected_type(other)),
                }
            }

            fn to_value(&self) -> Value {
                Value::String(self.0.clone())
            }
        }
    };
}

written! {
    /// An absolute address on the web.
    Url: "https://url.spec.whatwg.org/"
}
written! {
    /// An IPv4 or IPv6 address in its canonical text.
    IpAddress: "https://www.rfc-editor.org/rfc/rfc5952"
}

/// ISO 4217. More may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum CurrencyCode {
    /// Indonesian rupiah, without decimals.
    Idr,
}

/// An amount and its currency.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub(crate) struct Money {
    /// Whole rupiah, such as `"150000"`.
    pub(super) amount: Decimal,
    /// Always said.
    pub(super) currency: CurrencyCode,
}

impl From<Rupiah> for Money {
    fn from(amount: Rupiah) -> Self {
        Self {
            amount: Decimal::Whole(amount.get()),
            currency: CurrencyCode::Idr,
        }
    }
}

/// An amount and its currency.
#[derive(Debug, Clone, PartialEq, Eq, InputObject)]
pub(crate) struct MoneyInput {
    /// Whole rupiah, such as `"150000"`.
    amount: Decimal,
    /// Always said.
    currency: CurrencyCode,
}

impl MoneyInput {
    /// `None` when the amount has decimals or is not one.
    pub(super) fn rupiah(&self) -> Option<Rupiah> {
        match (self.currency, &self.amount) {
            (CurrencyCode::Idr, Decimal::Given(text)) => parse_amount(text).ok(),
            (CurrencyCode::Idr, Decimal::Whole(amount)) => Rupiah::try_new(*amount).ok(),
        }
    }
}
