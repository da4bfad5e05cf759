//! How service is restricted. Strategy and profile are read by provisioning; scope and guard by the isolir run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InvalidSetting;
use crate::{network::PppProfile, within::Within};

/// How service is restricted for unpaid bills (SPEC section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IsolirStrategy {
    /// Give the PPP secret the isolir profile and end the session: the customer lands on the pay page.
    #[default]
    PppProfileSwitch,
    /// Give the PPP secret a copy of its plan's profile that puts its sessions on the router's isolir list, and end the
    /// session: the customer keeps the plan's pool and speed, and lands on the pay page.
    AddressList,
    /// Answer the next authentication with isolir attributes.
    RadiusAttributes,
    /// Push isolir attributes to the running session.
    RadiusCoa,
    /// Refuse authentication.
    RadiusReject,
    /// Disable the PPP secret and end the session.
    DisableSecret,
}

impl IsolirStrategy {
    /// Whether a server that answers RADIUS carries it out.
    pub const fn asks_radius(self) -> bool {
        match self {
            Self::RadiusAttributes | Self::RadiusCoa | Self::RadiusReject => true,
            Self::PppProfileSwitch | Self::AddressList | Self::DisableSecret => false,
        }
    }
}

/// What an unpaid bill restricts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IsolirScope {
    /// The line that the bill is for.
    #[default]
    Subscription,
    /// Every line of the customer, until nothing of any is overdue.
    Customer,
}

/// From when on a run of isolations waits for somebody to approve it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlastRadius {
    /// More of the active lines than this.
    pub max_percent: Within<1, 100>,
    /// More than this many times the usual.
    pub max_times_usual: Within<2, 100>,
}

/// How service is restricted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Isolir {
    pub strategy: IsolirStrategy,
    /// Name of the PPP profile that leads to the pay page.
    pub profile: PppProfile,
    pub scope: IsolirScope,
    pub guard: BlastRadius,
}

impl Default for Isolir {
    fn default() -> Self {
        Self {
            strategy: IsolirStrategy::default(),
            profile: PppProfile::isolir(),
            scope: IsolirScope::default(),
            guard: BlastRadius {
                max_percent: Within::of::<20>(),
                max_times_usual: Within::of::<3>(),
            },
        }
    }
}

impl Isolir {
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "every section is checked alike"
    )]
    pub(super) const fn check(&self) -> Result<(), InvalidSetting> {
        Ok(())
    }
}
