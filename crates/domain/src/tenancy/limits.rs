//! How much of each counted thing a tenant may have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is counted. The stored name is also the name of its quota row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    Routers,
    /// Subscriptions that are not terminated (SPEC section 2: "user" counts subscriptions).
    Users,
    Vouchers,
    Odps,
    /// Customers' points on the map.
    ClientMapPoints,
}

impl Resource {
    pub const ALL: [Self; 5] = [
        Self::Routers,
        Self::Users,
        Self::Vouchers,
        Self::Odps,
        Self::ClientMapPoints,
    ];

    /// Its stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Routers => "routers",
            Self::Users => "users",
            Self::Vouchers => "vouchers",
            Self::Odps => "odps",
            Self::ClientMapPoints => "client_map_points",
        }
    }

    /// The resource of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.as_str() == name)
    }
}

/// The most that there may be of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Unlimited,
    AtMost(u32),
}

impl Limit {
    /// The number, if there is one.
    pub const fn at_most(self) -> Option<u32> {
        match self {
            Self::Unlimited => None,
            Self::AtMost(limit) => Some(limit),
        }
    }

    /// More, or less, of it: never below nothing, and never past what a number can hold.
    #[must_use]
    pub const fn plus(self, extra: Extra) -> Self {
        match (self, extra) {
            (Self::Unlimited, _) | (_, Extra::Unlimited) => Self::Unlimited,
            (Self::AtMost(limit), Extra::By(more)) => Self::AtMost(limit.saturating_add_signed(more)),
        }
    }
}

/// A change of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    Unlimited,
    By(i32),
}

/// A limit for each resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    pub routers: Limit,
    pub users: Limit,
    pub vouchers: Limit,
    pub odps: Limit,
    pub client_map_points: Limit,
}

impl Limits {
    pub const UNLIMITED: Self = Self {
        routers: Limit::Unlimited,
        users: Limit::Unlimited,
        vouchers: Limit::Unlimited,
        odps: Limit::Unlimited,
        client_map_points: Limit::Unlimited,
    };

    pub const fn of(&self, resource: Resource) -> Limit {
        match resource {
            Resource::Routers => self.routers,
            Resource::Users => self.users,
            Resource::Vouchers => self.vouchers,
            Resource::Odps => self.odps,
            Resource::ClientMapPoints => self.client_map_points,
        }
    }

    /// Changes one of them.
    pub const fn add(&mut self, resource: Resource, extra: Extra) {
        let limit = match resource {
            Resource::Routers => &mut self.routers,
            Resource::Users => &mut self.users,
            Resource::Vouchers => &mut self.vouchers,
            Resource::Odps => &mut self.odps,
            Resource::ClientMapPoints => &mut self.client_map_points,
        };
        *limit = limit.plus(extra);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_has_the_name_under_which_it_is_stored() {
        for resource in Resource::ALL {
            let stored = serde_json::to_value(resource).expect("a word");
            assert_eq!(stored, resource.as_str());
            assert_eq!(Resource::from_name(resource.as_str()), Some(resource));
        }
    }

    #[test]
    fn a_limit_grows_and_shrinks_and_stays_a_limit() {
        assert_eq!(Limit::AtMost(2).plus(Extra::By(3)), Limit::AtMost(5));
        assert_eq!(Limit::AtMost(2).plus(Extra::By(-3)), Limit::AtMost(0));
        assert_eq!(
            Limit::AtMost(u32::MAX).plus(Extra::By(1)),
            Limit::AtMost(u32::MAX)
        );
        assert_eq!(Limit::AtMost(2).plus(Extra::Unlimited), Limit::Unlimited);
        assert_eq!(Limit::Unlimited.plus(Extra::By(-3)), Limit::Unlimited);
    }
}
