//! Which role: one that every tenant has, or one that a tenant made.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{RoleId, tenancy::Feature};

macro_rules! built_in {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// Roles that need no definition.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum BuiltInRole {
            $($(#[$doc])* $name,)*
        }

        impl BuiltInRole {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As stored.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

impl BuiltInRole {
    /// Whether it is a role of the platform's own tenant, where there are no others.
    pub const fn is_platforms(self) -> bool {
        matches!(self, Self::PlatformOwner | Self::SuperAdmin)
    }

    /// The feature that whoever gives it to somebody needs (F15, F16).
    pub const fn feature(self) -> Option<Feature> {
        match self {
            Self::Collector => Some(Feature::Collectors),
            Self::Agent => Some(Feature::Resellers),
            Self::Investor => Some(Feature::Investors),
            Self::Customer => Some(Feature::Portal),
            Self::Owner
            | Self::Admin
            | Self::Finance
            | Self::Hr
            | Self::Technician
            | Self::Operator
            | Self::Viewer
            | Self::PlatformOwner
            | Self::SuperAdmin => None,
        }
    }

    /// Whether whoever has it is one of the owners of their tenant.
    pub const fn owns(self) -> bool {
        matches!(self, Self::Owner | Self::PlatformOwner)
    }
}

built_in! {
    /// Everything of the tenant; each tenant has at least one.
    Owner = "owner";
    /// Everything except making owners.
    Admin = "admin";
    /// Bills and money.
    Finance = "finance";
    /// The tenant's own people.
    Hr = "hr";
    /// Routers and lines.
    Technician = "technician";
    /// Customers, lines and the day's work.
    Operator = "operator";
    /// Reads.
    Viewer = "viewer";
    /// Collects cash (kolektor).
    Collector = "collector";
    /// Sells vouchers with a deposit (agen).
    Agent = "agent";
    /// Reads revenue.
    Investor = "investor";
    /// An end customer, in the portal.
    Customer = "customer";
    /// Everything of the platform; the one who answers for it. In the platform's tenant only, as is `super_admin`.
    PlatformOwner = "platform_owner";
    /// The platform's own staff: everything except making owners and what owners alone may do.
    SuperAdmin = "super_admin";
}

/// A role of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RoleKey {
    BuiltIn(BuiltInRole),
    Own(RoleId),
}

/// A text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of the built-in ones or the id of an own one")]
pub struct RoleKeyError;

impl From<BuiltInRole> for RoleKey {
    fn from(role: BuiltInRole) -> Self {
        Self::BuiltIn(role)
    }
}

impl fmt::Display for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(role) => f.write_str(role.as_str()),
            Self::Own(id) => id.fmt(f),
        }
    }
}

impl FromStr for RoleKey {
    type Err = RoleKeyError;

    fn from_str(text: &str) -> Result<Self, RoleKeyError> {
        let built_in = BuiltInRole::ALL.iter().find(|role| role.as_str() == text);
        match built_in {
            Some(role) => Ok(Self::BuiltIn(*role)),
            None => text.parse().map(Self::Own).map_err(|_| RoleKeyError),
        }
    }
}

impl Serialize for RoleKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RoleKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for RoleKey {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RoleKey".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^([a-z]+(_[a-z]+)*|rol_[0-7][0-9a-hjkmnp-tv-z]{25})$",
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_role_is_read_back_from_its_text() {
        let own = RoleKey::Own(RoleId::new(Uuid::from_u128(7)));
        let built_in = BuiltInRole::ALL.iter().map(|&role| RoleKey::BuiltIn(role));
        for role in built_in.chain([own]) {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert_eq!("emperor".parse::<RoleKey>(), Err(RoleKeyError));
    }
}
