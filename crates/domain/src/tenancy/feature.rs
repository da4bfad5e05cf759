//! What can be switched on for a tenant: a closed list, in the groups that plans are made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A group of features that is switched as a whole (F15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeatureGroup {
    Basic,
    Pro,
    Business,
    /// Sold one by one, in no plan.
    Extra,
}

macro_rules! features {
    ($($(#[$doc:meta])* $feature:ident = $name:literal in $group:ident;)+) => {
        /// One feature (F16). Use cases ask for it by its stored name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Feature {
            $($(#[$doc])* #[serde(rename = $name)] $feature,)+
        }

        impl Feature {
            pub const ALL: &'static [Self] = &[$(Self::$feature,)+];

            /// Its stored name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$feature => $name,)+ }
            }

            pub const fn group(self) -> FeatureGroup {
                match self { $(Self::$feature => FeatureGroup::$group,)+ }
            }
        }
    };
}

features! {
    /// Customers' own pages.
    Portal = "portal" in Basic;
    /// Messages by WhatsApp.
    Whatsapp = "whatsapp" in Basic;
    Vouchers = "vouchers" in Basic;
    /// ODPs and customers on the map.
    Maps = "maps" in Basic;
    Tickets = "tickets" in Basic;
    /// Roles of the tenant's own making.
    CustomRoles = "custom_roles" in Pro;
    Radius = "radius" in Pro;
    /// Collectors of cash.
    Collectors = "collectors" in Pro;
    /// Resellers of vouchers with a deposit.
    Resellers = "resellers" in Pro;
    Inventory = "inventory" in Pro;
    Monitoring = "monitoring" in Pro;
    Exports = "exports" in Pro;
    ApiKeys = "api_keys" in Pro;
    CustomDomain = "custom_domain" in Pro;
    /// Attendance and wages.
    Hr = "hr" in Business;
    Genieacs = "genieacs" in Business;
    Webhooks = "webhooks" in Business;
    /// Accounts that see revenue and nothing else.
    Investors = "investors" in Business;
    Plugins = "plugins" in Business;
    // Gates nothing: what is premium is said nowhere, and the one gateway that is built is every plan's (ADR 62).
    PaymentGatewayPremium = "payment_gateway_premium" in Extra;
    WhiteLabel = "white_label" in Extra;
    AiAgentAdmin = "ai_agent_admin" in Extra;
}

impl Feature {
    /// The feature of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|feature| feature.as_str() == name)
    }

    /// The features of a group.
    pub fn of_group(group: FeatureGroup) -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(move |feature| feature.group() == group)
    }
}
