//! Coming over from another tenant of one's own (F36): one sign-in is enough for whoever is the same person in both.
//!
//! Each tenant keeps its own proof: a second factor there is asked for there. Nobody comes into the platform's own tenant
//! like this.

use simpul_app::identity::belonging;
use simpul_domain::{
    TenantId, UserId,
    identity::{SignInMethod, User, UserStatus},
    tenancy::Tenant,
};
use simpul_event_store::inline::{access, identity::credential};

use super::{Denied, Entered, Visit};
use crate::{ApiError, ApiState, Surface, auth::Viewer};

/// What the platform's own tenant is called.
const PLATFORM: &str = "Simpul";

/// A tenant where somebody is a member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Belonging {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    pub(crate) name: String,
}

/// The viewer's own tenants: the one where they are, and those where they may go. Runs inside of a task that is not
/// cancelled.
pub(crate) async fn belongings(state: &ApiState, viewer: Viewer) -> Result<Vec<Belonging>, ApiError> {
    let store = state.store();
    let mut all = vec![(viewer.tenant, viewer.user)];
    let found = belonging::same_person(store, viewer.tenant, viewer.user).await?;
    all.extend(found.into_iter().filter(|(tenant, _)| *tenant != viewer.tenant));
    let mut own = Vec::with_capacity(all.len());
    for (tenant, user) in all {
        let here = tenant == viewer.tenant;
        if !here && (tenant == TenantId::PLATFORM || !is_welcome(state, Viewer { user, tenant }).await?) {
            continue;
        }
        let name = match tenant {
            TenantId::PLATFORM => PLATFORM.to_owned(),
            tenant => {
                let (known, _) = store.load::<Tenant>(tenant, &tenant.to_string()).await?;
                known.name().to_owned()
            }
        };
        own.push(Belonging { tenant, user, name });
    }
    Ok(own)
}

/// Whether somebody could sign in there.
async fn is_welcome(state: &ApiState, viewer: Viewer) -> Result<bool, ApiError> {
    let (store, Viewer { user, tenant }) = (state.store(), viewer);
    if access::standing_of(store, viewer.caller(None)).await?.disabled {
        return Ok(false);
    }
    let (known, _) = store.load::<User>(tenant, &user.to_string()).await?;
    Ok(known.status() == UserStatus::Active && Surface::Staff.is_for(&known))
}

impl Visit {
    /// Begins a session in another of the viewer's own tenants; `None` where they have no such.
    pub(crate) async fn switch(&self, viewer: Viewer, to: TenantId) -> Result<Option<Entered>, ApiError> {
        let visit = Self {
            tenant: Some(to),
            surface: Surface::Staff,
            ..self.clone()
        };
        self.state
            .detached(async move { visit.switch_now(viewer, to).await })
            .await
    }

    async fn switch_now(&self, viewer: Viewer, to: TenantId) -> Result<Option<Entered>, ApiError> {
        let own = belongings(&self.state, viewer).await?.into_iter();
        let mut others = own.filter(|own| own.tenant != viewer.tenant);
        let Some(Belonging { tenant, user, .. }) = others.find(|own| own.tenant == to) else {
            return Ok(None);
        };
        let mut tx = self.state.store().db().tenant_tx(tenant).await?;
        let credential = credential::read(&mut tx, user).await?;
        tx.commit().await?;
        let entered = if credential.totp_confirmed {
            Entered::Challenged(self.challenge(tenant, user).await?)
        } else {
            let viewer = Viewer { user, tenant };
            self.enter(viewer, SignInMethod::Switch, None, Denied::Ticket)
                .await?
        };
        Ok(Some(entered))
    }
}
