//! Which tenant answers at a subdomain of ours: asked of the directory once a minute, not at every request.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::{Code, TenantId};
use simpul_event_store::inline::directory;

use crate::{ApiError, ApiState};

/// How long an answer is believed; a subdomain hardly ever moves.
const KEEP: TimeDelta = TimeDelta::minutes(1);
const MAX_KEPT: usize = 10_000;

/// What the directory has said.
#[derive(Debug, Default)]
pub(crate) struct Addresses(Mutex<HashMap<String, (TenantId, DateTime<Utc>)>>);

impl Addresses {
    /// The tenant at a subdomain.
    pub(super) async fn tenant(&self, state: &ApiState, label: String) -> Result<TenantId, ApiError> {
        let now = state.store().now();
        if let Some(tenant) = self.recall(&label, now) {
            return Ok(tenant);
        }
        let (work, key) = (state.clone(), label.clone());
        let found = state.detached(async move {
            let mut tx = work.store().db().system_tx().await?;
            let found = directory::resolve(&mut tx, directory::kind::SUBDOMAIN, &key).await?;
            tx.commit().await?;
            Ok(found)
        });
        let nobody = || ApiError::new(Code::NotFound, "There is nobody at this address");
        let (tenant, _) = found.await?.ok_or_else(nobody)?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(label, (tenant, now));
        Ok(tenant)
    }

    fn recall(&self, label: &str, now: DateTime<Utc>) -> Option<TenantId> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tenant, at) = kept.get(label)?;
        (now - *at < KEEP).then_some(*tenant)
    }
}
