//! From a due timer to the policy that asked for it.

use simpul_adapters::intake::{Firing, TimerHandler};
use simpul_app::policies::Policies;
use simpul_event_store::inline::timer::Fired;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Timers(pub(crate) Policies);

impl TimerHandler for Timers {
    async fn fire(&self, fired: &Fired) -> Firing {
        match self.0.fire(fired).await {
            Ok(()) => Firing::Fired,
            Err(error) => Firing::Postponed {
                error: error.to_string(),
            },
        }
    }
}
