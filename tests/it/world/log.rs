//! What the world's logs say, and bounded waiting for it.

use simpul_domain::TenantId;
use simpul_event_store::{Recorded, feed};
use tokio::time::Instant;

use super::{PAUSE, World};

const PAGE: i64 = 10_000;

impl World {
    /// Every event of the operator's tenant.
    pub(crate) async fn log(&self) -> Vec<Recorded> {
        self.log_of(self.operator.tenant).await
    }

    pub(crate) async fn log_of(&self, tenant: TenantId) -> Vec<Recorded> {
        let mut log: Vec<Recorded> = Vec::new();
        loop {
            let after = log.last().map_or(0, |event| event.tenant_seq);
            let page = feed::page(self.bus.store(), tenant, after, PAGE).await;
            let page = page.expect("the log");
            if page.is_empty() {
                return log;
            }
            log.extend(page);
        }
    }

    /// How often something happened.
    pub(crate) async fn count(&self, event_type: &str) -> usize {
        self.log()
            .await
            .iter()
            .filter(|event| event.event_type == event_type)
            .count()
    }

    /// Waits until `seen` finds what it looks for in the operator's log.
    pub(crate) async fn wait_for<T>(&self, what: &str, seen: impl Fn(&[Recorded]) -> Option<T>) -> T {
        self.wait_in(self.operator.tenant, what, seen).await
    }

    /// Like [`World::wait_for`], in a tenant's log.
    pub(crate) async fn wait_in<T>(
        &self,
        tenant: TenantId,
        what: &str,
        seen: impl Fn(&[Recorded]) -> Option<T>,
    ) -> T {
        let since = Instant::now();
        loop {
            let log = self.log_of(tenant).await;
            if let Some(found) = seen(&log) {
                return found;
            }
            self.tend();
            let types: Vec<&str> = log.iter().map(|event| event.event_type.as_str()).collect();
            assert!(!self.is_late(since), "waited in vain for {what}: {types:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits for the n-th proof that the router gives the customer this access.
    pub(crate) async fn confirmed(&self, access: &str, nth: usize) {
        const CONFIRMED: &str = "network.provisioning.confirmed";
        self.wait_for(&format!("proof {nth} of {access}"), |log| {
            log.iter()
                .filter(|event| {
                    event.event_type == CONFIRMED && event.payload.value()[CONFIRMED]["access"] == access
                })
                .nth(nth - 1)
                .map(|_| ())
        })
        .await;
    }

    pub(crate) async fn happened(&self, event_type: &str) {
        self.wait_for(event_type, |log| {
            log.iter()
                .any(|event| event.event_type == event_type)
                .then_some(())
        })
        .await;
    }

    /// Waits until something outside of the log is so.
    pub(crate) async fn until(&self, what: &str, so: impl AsyncFnMut() -> bool) {
        assert!(self.in_time(so).await, "waited in vain until {what}");
    }

    /// Whether it is so in time.
    pub(crate) async fn in_time(&self, mut so: impl AsyncFnMut() -> bool) -> bool {
        let since = Instant::now();
        while !so().await {
            self.tend();
            if self.is_late(since) {
                return false;
            }
            tokio::time::sleep(PAUSE).await;
        }
        true
    }
}
