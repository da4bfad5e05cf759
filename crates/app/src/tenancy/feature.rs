//! Features that a command needs only for some of what can be asked of it (F15, F16). Those that it always needs stand in
//! its `Access`.

use simpul_domain::{TenantId, tenancy::Feature};
use simpul_event_store::{Work, inline::access};

use crate::{Outcome, Refusal, refuse};

/// Refuses where the tenant does not have the feature. The same row says so that the command bus asks.
pub(crate) async fn needs(work: &mut Work<'_>, feature: Feature) -> Outcome<()> {
    // The platform sells features; it has them all.
    if work.tenant() == TenantId::PLATFORM {
        return Ok(());
    }
    let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
    let has = access::has_feature(&mut tx, feature.as_str()).await?;
    tx.commit().await?;
    if has {
        Ok(())
    } else {
        refuse(Refusal::Feature(feature))
    }
}
