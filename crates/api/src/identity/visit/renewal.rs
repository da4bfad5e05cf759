//! Prolonging a session.

use simpul_app::{
    identity::{
        secret::{self, SecretKind},
        sessions::EndStolenSession,
    },
    policies::timer_row,
};
use simpul_domain::{Code, TenantId, policy::TimerKind};
use simpul_event_store::{
    Actor,
    inline::{
        access,
        identity::{
            SecretHash,
            session::{self, Rotation},
            sign_in::Outcome,
        },
        timer,
    },
};

use super::Visit;
use crate::{
    ApiError,
    auth::Viewer,
    identity::{
        grants::{self, Begun, Tokens},
        limits,
    },
};

impl Visit {
    /// Prolongs a session (Property 5). A refusal is an error: the program signs in anew, a person cannot mend it.
    pub(crate) async fn refresh(&self, token: &str) -> Result<Tokens, ApiError> {
        let refused = || ApiError::new(Code::Unauthorized, "The session is over, sign in again");
        let (tenant, old) = self.read(SecretKind::Refresh, token)?.ok_or_else(refused)?;
        let visit = self.clone();
        let tokens = self
            .state
            .detached(async move { visit.refresh_now(tenant, old).await })
            .await?;
        tokens.ok_or_else(refused)
    }

    async fn refresh_now(&self, tenant: TenantId, old: SecretHash) -> Result<Option<Tokens>, ApiError> {
        let store = self.state.store();
        let new = secret::mint(SecretKind::Refresh, tenant).map_err(|_| ApiError::internal())?;
        let mut tx = store.db().tenant_tx(tenant).await?;
        let rotation = session::rotate(&mut tx, &old, &new.hash, store.now()).await?;
        if let Rotation::Rotated { user, .. } = rotation
            && !self
                .surface
                .is_of(access::standing(&mut tx, user).await?.customer)
        {
            // At its own door the token is as good as before.
            tx.rollback().await?;
            return Ok(None);
        }
        if let Rotation::Reused { session, .. } = rotation {
            // Whoever dies before the stream says so leaves that to the scheduler.
            let kind = TimerKind::SessionStolen { session };
            timer::schedule(&mut tx, &timer_row(&kind, store.now(), None)?).await?;
        }
        tx.commit().await?;
        match rotation {
            Rotation::Rotated {
                session,
                user,
                expires_at,
            } => {
                let begun = Begun {
                    viewer: Viewer { user, tenant },
                    session,
                    impersonator: None,
                    refresh: Some(new.text),
                    expires_at,
                };
                grants::tokens(&self.state, self.surface, begun).await.map(Some)
            }
            Rotation::Refused => Ok(None),
            Rotation::Reused { session, user } => {
                let command = EndStolenSession { session };
                self.dispatch(tenant, Actor::System("identity"), command).await?;
                limits::strike(&self.state, self.ip()).await?;
                self.record(tenant, Some(user), Outcome::TokenReused).await?;
                Ok(None)
            }
        }
    }
}
