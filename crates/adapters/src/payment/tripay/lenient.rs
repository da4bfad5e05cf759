//! Numbers as gateways write them: JSON numbers or texts (`facts/integrations.md` 1.6).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use simpul_domain::{Rupiah, billing::gateway::parse_amount};

/// A whole, non-negative amount, as number or text; `null` and "" are none.
pub(super) fn rupiah<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rupiah>, D::Error> {
    text(&Value::deserialize(deserializer)?)
        .map_err(D::Error::custom)?
        .map(|text| parse_amount(&text).map_err(D::Error::custom))
        .transpose()
}

/// Unix seconds, as number or text; `null`, "" and 0 are none.
pub(super) fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = text(&Value::deserialize(deserializer)?).map_err(D::Error::custom)? else {
        return Ok(None);
    };
    let seconds: i64 = text.parse().map_err(D::Error::custom)?;
    if seconds == 0 {
        return Ok(None);
    }
    DateTime::from_timestamp(seconds, 0)
        .map(Some)
        .ok_or_else(|| D::Error::custom("an instant out of range"))
}

/// A percentage with at most two decimals, in basis points; `null` and "" are 0.
pub(super) fn basis_points<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let Some(text) = text(&Value::deserialize(deserializer)?).map_err(D::Error::custom)? else {
        return Ok(0);
    };
    parse_basis_points(&text).ok_or_else(|| D::Error::custom("a percentage with at most two decimals"))
}

/// A flag written as boolean, number or text.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(flag)),
        other => match text(&other).map_err(D::Error::custom)?.as_deref() {
            Some("1" | "true") => Ok(Some(true)),
            Some("0" | "false") => Ok(Some(false)),
            None | Some(_) => Err(D::Error::custom("a flag")),
        },
    }
}

fn text(value: &Value) -> Result<Option<String>, &'static str> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => Ok(Some(text.trim().to_owned())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err("a number or its text"),
    }
}

fn parse_basis_points(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (kept, rest) = fraction.split_at_checked(2).unwrap_or((fraction, ""));
    if rest.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let hundredths: u32 = format!("{kept:0<2}").parse().ok()?;
    whole.checked_mul(100)?.checked_add(hundredths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Amount {
        #[serde(default, deserialize_with = "rupiah")]
        amount: Option<Rupiah>,
    }

    #[test]
    fn amounts_come_as_numbers_or_texts() {
        for (json, amount) in [
            (r#"{"amount":150000}"#, Some(150_000)),
            (r#"{"amount":"150000"}"#, Some(150_000)),
            (r#"{"amount":"150000.00"}"#, Some(150_000)),
            (r#"{"amount":150000.00}"#, Some(150_000)),
            (r#"{"amount":null}"#, None),
            (r#"{"amount":""}"#, None),
            ("{}", None),
        ] {
            let read: Amount = serde_json::from_str(json).expect(json);
            assert_eq!(read.amount.map(Rupiah::get), amount, "{json}");
        }
    }

    #[test]
    fn amounts_with_a_fraction_a_sign_or_another_shape_are_refused() {
        for json in [
            r#"{"amount":150000.5}"#,
            r#"{"amount":"150.000,00"}"#,
            r#"{"amount":-1}"#,
            r#"{"amount":1e300}"#,
            r#"{"amount":true}"#,
            r#"{"amount":[1]}"#,
        ] {
            assert!(serde_json::from_str::<Amount>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn percentages_become_basis_points() {
        let table = [("0.70", 70), ("0.7", 70), ("3", 300), ("1.5000", 150), ("0", 0)];
        for (text, points) in table {
            assert_eq!(parse_basis_points(text), Some(points), "{text}");
        }
        for text in ["0.705", "-1", "a", "1.x", "99999999999"] {
            assert_eq!(parse_basis_points(text), None, "{text}");
        }
    }
}
