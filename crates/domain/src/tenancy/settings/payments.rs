//! Through whom customers pay. Read by the portal, in this order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InvalidSetting, distinct, keep};
use crate::GatewayId;

const MAX_GATEWAYS: usize = 10;

/// Which connected gateways are offered, the preferred first; empty: all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Payments {
    pub gateways: Vec<GatewayId>,
}

impl Payments {
    /// Those of the connected gateways that customers are offered, in their order.
    pub fn offered(&self, connected: Vec<GatewayId>) -> Vec<GatewayId> {
        if self.gateways.is_empty() {
            return connected;
        }
        let chosen = self.gateways.iter().copied();
        chosen.filter(|gateway| connected.contains(gateway)).collect()
    }

    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        keep(self.gateways.len() <= MAX_GATEWAYS, "gateways", "count")?;
        keep(distinct(&self.gateways), "gateways", "distinct")
    }
}
