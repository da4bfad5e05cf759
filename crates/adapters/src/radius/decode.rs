//! The JSON of `rlm_rest` with `body = 'json'`: `{"Acct-Status-Type": {"type": "integer", "value": ["Start"]}, …}`.
//!
//! Total: whatever the bytes are, they are a packet, nothing to us, or rubbish with a name. Enumerations come as names or
//! numbers, 64-bit integers as texts, and each byte from 0x80 on as a character of its own (`facts/network.md` 3.1).

use std::fmt;

use serde_json::{Map, Value};
use simpul_domain::accounting::{Cause, Count, Kind, Octets, Reading};

const UNIQUE_ID: &str = "Acct-Unique-Session-Id";
/// Longest of them; FreeRADIUS makes 32 digits.
const MAX_UNIQUE_ID_BYTES: usize = 64;
/// Longest value of an attribute that is kept (RFC 2865 section 5).
const MAX_TEXT_BYTES: usize = 253;

/// What FreeRADIUS was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    Session(Box<SessionPacket>),
    On,
    Off,
    /// Of a kind that is none of our business, such as a tunnel's (RFC 2867).
    Other,
}

/// A packet of a session. It names a person, so nothing of it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionPacket {
    pub unique_id: String,
    pub kind: Kind,
    pub reading: Option<Reading>,
    pub user: Option<String>,
    /// `Calling-Station-Id`.
    pub station: Option<String>,
    /// `Framed-IP-Address`.
    pub address: Option<String>,
}

impl fmt::Debug for SessionPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionPacket")
            .field("kind", &self.kind)
            .field("reading", &self.reading)
            .finish_non_exhaustive()
    }
}

/// Why bytes are no accounting packet. Sent again they are none either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rubbish {
    #[error("the body is not an object of attributes")]
    NotAttributes,
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
}

/// Reads one body.
pub fn decode(body: &[u8]) -> Result<Packet, Rubbish> {
    let Ok(Value::Object(attributes)) = serde_json::from_slice(body) else {
        return Err(Rubbish::NotAttributes);
    };
    let attributes = Attributes(attributes);
    let kind = match attributes.status()? {
        Status::Start => Kind::Start,
        Status::Interim => Kind::Interim,
        Status::Stop => Kind::Stop {
            cause: attributes.cause(),
        },
        Status::On => return Ok(Packet::On),
        Status::Off => return Ok(Packet::Off),
        Status::Other => return Ok(Packet::Other),
    };
    let unique_id = attributes.text(UNIQUE_ID)?.ok_or(Rubbish::Missing(UNIQUE_ID))?;
    if unique_id.len() > MAX_UNIQUE_ID_BYTES {
        return Err(Rubbish::Unreadable(UNIQUE_ID));
    }
    Ok(Packet::Session(Box::new(SessionPacket {
        unique_id,
        kind,
        reading: attributes.reading()?,
        user: attributes.text("User-Name")?,
        station: attributes.text("Calling-Station-Id")?,
        address: attributes.text("Framed-IP-Address")?,
    })))
}

/// `Acct-Status-Type` (RFC 2866 section 5.1).
enum Status {
    Start,
    Stop,
    Interim,
    On,
    Off,
    Other,
}

struct Attributes(Map<String, Value>);

impl Attributes {
    /// The first value of an attribute. Repeated ones are of no meaning to what is read here.
    fn value(&self, name: &str) -> Option<&Value> {
        match self.0.get(name)?.get("value")? {
            Value::Array(values) => values.first(),
            value => Some(value),
        }
    }

    /// Nothing if it is absent or empty.
    fn text(&self, name: &'static str) -> Result<Option<String>, Rubbish> {
        let text = match self.value(name) {
            None => return Ok(None),
            Some(Value::String(text)) => as_sent(text),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(Rubbish::Unreadable(name)),
        };
        if text.len() > MAX_TEXT_BYTES {
            return Err(Rubbish::Unreadable(name));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn number(&self, name: &'static str) -> Result<Option<u64>, Rubbish> {
        let number = match self.value(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        number.map(Some).ok_or(Rubbish::Unreadable(name))
    }

    /// A number of 32 bits.
    fn word(&self, name: &'static str) -> Result<Option<u32>, Rubbish> {
        self.number(name)?
            .map(|number| u32::try_from(number).map_err(|_| Rubbish::Unreadable(name)))
            .transpose()
    }

    fn status(&self) -> Result<Status, Rubbish> {
        const NAME: &str = "Acct-Status-Type";
        match self.value(NAME) {
            None => Err(Rubbish::Missing(NAME)),
            Some(Value::String(name)) => Ok(match name.as_str() {
                "Start" | "1" => Status::Start,
                "Stop" | "2" => Status::Stop,
                "Interim-Update" | "Alive" | "3" => Status::Interim,
                "Accounting-On" | "7" => Status::On,
                "Accounting-Off" | "8" => Status::Off,
                _ => Status::Other,
            }),
            Some(Value::Number(number)) => Ok(match number.as_u64() {
                Some(1) => Status::Start,
                Some(2) => Status::Stop,
                Some(3) => Status::Interim,
                Some(7) => Status::On,
                Some(8) => Status::Off,
                _ => Status::Other,
            }),
            Some(_) => Err(Rubbish::Unreadable(NAME)),
        }
    }

    /// Why the session ended is never a reason not to believe that it did.
    fn cause(&self) -> Cause {
        match self.value("Acct-Terminate-Cause") {
            Some(Value::String(name)) => match name.parse() {
                Ok(number) => Cause::of_number(number),
                Err(_) => Cause::of_name(name),
            },
            Some(Value::Number(number)) => number.as_u64().map_or(Cause::Unknown, Cause::of_number),
            _ => Cause::Unknown,
        }
    }

    fn reading(&self) -> Result<Option<Reading>, Rubbish> {
        let seconds = self.word("Acct-Session-Time")?;
        let input = self.count("Acct-Input-Octets", "Acct-Input-Gigawords", "Acct-Input-Octets64")?;
        let output = self.count(
            "Acct-Output-Octets",
            "Acct-Output-Gigawords",
            "Acct-Output-Octets64",
        )?;
        if seconds.is_none() && input.is_none() && output.is_none() {
            return Ok(None);
        }
        // A counter that is not told is known to be at least nothing.
        let nothing = Count {
            octets: Octets::ZERO,
            wide: true,
        };
        Ok(Some(Reading {
            seconds,
            input: input.unwrap_or(nothing),
            output: output.unwrap_or(nothing),
        }))
    }

    /// From both halves as the router sent them. The sum of both that FreeRADIUS calculates does not tell an upper half of
    /// zero from none.
    fn count(
        &self,
        lower: &'static str,
        upper: &'static str,
        both: &'static str,
    ) -> Result<Option<Count>, Rubbish> {
        let upper_half = self.word(upper)?;
        let (octets, name) = match (self.word(lower)?, upper_half) {
            (Some(lower_half), upper_half) => {
                let upper_half = u64::from(upper_half.unwrap_or_default());
                (Some((upper_half << 32) | u64::from(lower_half)), upper)
            }
            (None, _) => (self.number(both)?, both),
        };
        octets
            .map(|octets| {
                Ok(Count {
                    octets: Octets::try_new(octets).map_err(|_| Rubbish::Unreadable(name))?,
                    wide: upper_half.is_some() || name == both,
                })
            })
            .transpose()
    }
}

/// `rlm_rest` writes each byte from 0x80 on as the character of that number: `é` comes as `Ã©`. What is no UTF-8 stays as it
/// came. No text that is kept has a NUL in it.
fn as_sent(text: &str) -> String {
    let bytes: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(letter).ok()).collect();
    let sent = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    sent.unwrap_or_else(|| text.to_owned()).replace('\0', "")
}

#[cfg(test)]
mod tests;
