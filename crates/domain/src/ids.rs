//! The registry of typed ids.
//!
//! An id is a UUID (v7 from [`IdGen`], or v5 where a duplicate must be a conflict) printed as
//! `<prefix>_<26 characters of Crockford base32>`. The printed form is what clients, logs and the event store
//! see; it is never reused and unique over all tenants. There is no `From` between id types.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LEN: usize = 26;

/// Source of new ids. Injected, so that tests and the simulator are reproducible.
pub trait IdGen: Send + Sync {
    /// A new `UUIDv7`.
    fn next(&self) -> Uuid;
}

/// Why a text is not an id of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("expected an id that begins with {expected}_")]
    Prefix { expected: &'static str },
    #[error("an id ends in 26 characters of Crockford base32")]
    Encoding,
}

fn encode(id: Uuid) -> [u8; TEXT_LEN] {
    let mut bits = id.as_u128();
    let mut out = [0_u8; TEXT_LEN];
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    out
}

fn decode(text: &str) -> Result<Uuid, IdError> {
    if text.len() != TEXT_LEN {
        return Err(IdError::Encoding);
    }
    let mut bits: u128 = 0;
    for (index, byte) in text.bytes().enumerate() {
        let digit = ALPHABET
            .iter()
            .position(|&letter| letter == byte)
            .ok_or(IdError::Encoding)?;
        // 26 × 5 = 130 bits: the first character carries only three.
        if index == 0 && digit > 7 {
            return Err(IdError::Encoding);
        }
        bits = (bits << 5) | digit as u128;
    }
    Ok(Uuid::from_u128(bits))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// What the printed form begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The id of something that may exist only once for this name within `namespace` (`UUIDv5`).
            pub fn derive(namespace: Uuid, name: &str) -> Self {
                Self(Uuid::new_v5(&namespace, name.as_bytes()))
            }

            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                // Every letter of the alphabet is ASCII.
                f.write_str(std::str::from_utf8(&encode(self.0)).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let rest = text
                    .strip_prefix(concat!($prefix, "_"))
                    .ok_or(IdError::Prefix { expected: $prefix })?;
                decode(rest).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": concat!("^", $prefix, "_[0-7][0-9a-hjkmnp-tv-z]{25}$"),
                })
            }
        }
    )*};
}

ids! {
    /// One ISP operator on the platform.
    TenantId = "ten";
    /// A person or machine that acts: staff, API key, portal customer.
    UserId = "usr";
    /// A tenant's end customer.
    CustomerId = "cus";
    /// One service line of a customer.
    SubscriptionId = "sub";
    /// What is sold: speeds and a price.
    ServicePlanId = "pln";
    /// A router of a tenant, as it is managed.
    RouterId = "rtr";
    /// A bill.
    InvoiceId = "inv";
    /// Money received, whatever its source.
    PaymentId = "pay";
    /// One attempt to pay through a gateway.
    AttemptId = "att";
    /// A tenant's account at a payment gateway.
    GatewayId = "gwy";
    /// A tenant's account at a messenger.
    SenderId = "snd";
    /// A notice as it arrived from outside.
    NoticeId = "ntc";
    /// One message to one recipient.
    MessageId = "msg";
    /// One stored event.
    EventId = "evt";
    /// One command; the idempotency key of its effect.
    CommandId = "cmd";
    /// Everything that follows from one request.
    CorrelationId = "cor";
    /// One row of the timer table.
    TimerId = "tmr";
    /// One row of the outbox.
    ParcelId = "pcl";
    /// An add-on that a tenant asked for.
    AddOnOrderId = "ord";
    /// A name in the DNS that a tenant asked for.
    CustomDomainId = "dom";
    /// What a person did about something stuck.
    InterventionId = "itv";
    /// One command for many things.
    JobId = "job";
    /// One sign-in of a user, until it ends.
    SessionId = "ses";
    /// A role that a tenant made.
    RoleId = "rol";
    /// Credentials of a machine.
    ApiKeyId = "key";
    /// One backup of the whole store.
    BackupId = "bak";
    /// One session of a line at a router, as RADIUS accounting tells of it.
    RadiusSessionId = "rse";
}

impl TenantId {
    /// Owner of platform-level streams (directory of plans, platform staff). Never a customer of the platform.
    pub const PLATFORM: Self = Self(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn printing_and_parsing_an_id_gives_it_back(bits: u128) {
            let id = InvoiceId::new(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse::<InvoiceId>(), Ok(id));
        }

        #[test]
        fn order_of_text_is_order_of_ids(a: u128, b: u128) {
            let (a, b) = (EventId::new(Uuid::from_u128(a)), EventId::new(Uuid::from_u128(b)));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn rubbish_is_refused_and_never_panics(text in ".{0,40}") {
            if let Ok(id) = text.parse::<InvoiceId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn an_id_of_another_type_is_refused() {
        let text = CustomerId::new(Uuid::from_u128(7)).to_string();
        assert_eq!(
            text.parse::<InvoiceId>(),
            Err(IdError::Prefix { expected: "inv" })
        );
    }
}
