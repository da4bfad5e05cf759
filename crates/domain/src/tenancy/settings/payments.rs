//! Through whom customers pay. Read by the pay page and the portal, in this order.

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
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        keep(self.gateways.len() <= MAX_GATEWAYS, "gateways", "count")?;
        keep(distinct(&self.gateways), "gateways", "distinct")
    }
}
