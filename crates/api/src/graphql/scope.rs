//! What one operation knows: who asks, how new its answers must be, and how it reaches commands and read models.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use async_graphql::Context as GraphqlContext;
use simpul_domain::{CorrelationId, TenantId};
use simpul_event_store::{
    Actor, Command, ConsistencyToken, Context, Receipt, TenantTx, feed::read_at, inline::access,
};
use tokio::sync::OnceCell;

use super::{
    payload::Outcome,
    user_error::{Dispatched, UserError, sort_out},
};
use crate::{ApiError, ApiState, auth::Viewer};

/// The frame of one operation.
#[derive(Debug)]
pub(crate) struct Scope {
    state: ApiState,
    viewer: Viewer,
    request_id: String,
    ip: Option<IpAddr>,
    user_agent: Option<String>,
    /// The client's token, or that of a command of this operation.
    token: Mutex<Option<ConsistencyToken>>,
    permissions: OnceCell<Vec<String>>,
}

/// The operation's scope.
pub(super) fn scope<'c>(context: &GraphqlContext<'c>) -> Result<&'c Scope, ApiError> {
    context.data::<Scope>().map_err(|_| ApiError::internal())
}

impl Scope {
    pub(crate) fn new(
        state: ApiState,
        viewer: Viewer,
        request_id: String,
        token: Option<ConsistencyToken>,
    ) -> Self {
        Self {
            state,
            viewer,
            request_id,
            ip: None,
            user_agent: None,
            token: Mutex::new(token),
            permissions: OnceCell::new(),
        }
    }

    #[must_use]
    pub(crate) fn sent_by(self, ip: Option<IpAddr>, user_agent: Option<String>) -> Self {
        Self {
            ip,
            user_agent,
            ..self
        }
    }

    pub(super) const fn state(&self) -> &ApiState {
        &self.state
    }

    pub(super) const fn viewer(&self) -> Viewer {
        self.viewer
    }

    pub(super) const fn tenant(&self) -> TenantId {
        self.viewer.tenant
    }

    /// What the viewer may do, read once for each operation.
    pub(super) async fn permissions(&self) -> Result<&[String], ApiError> {
        let held = self.permissions.get_or_try_init(|| async {
            let mut tx = self.state.store().db().read_tx(self.viewer.tenant).await?;
            let held = access::permissions(&mut tx, self.viewer.user).await?;
            tx.commit().await?;
            Ok::<_, ApiError>(held)
        });
        Ok(held.await?)
    }

    /// Refuses without the permission.
    pub(super) async fn require(&self, permission: &str) -> Result<(), ApiError> {
        if self.permissions().await?.iter().any(|held| held == permission) {
            Ok(())
        } else {
            Err(ApiError::forbidden(permission))
        }
    }

    /// A transaction over read models that are at least as new as the client, and this operation, knows them.
    pub(super) async fn read(&self, projections: &[&str]) -> Result<TenantTx, ApiError> {
        if projections.is_empty() {
            return Ok(self.state.store().db().read_tx(self.viewer.tenant).await?);
        }
        let token = *self.token.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(read_at(self.state.store(), self.viewer.tenant, projections, token).await?)
    }

    /// Runs a command of the viewer and says what became of it. `subject` is what the command is about, so that its
    /// absence is reported at `input.id`.
    pub(super) async fn command<C: Command, I>(
        &self,
        subject: &'static str,
        key: Option<&str>,
        command: Result<C, Vec<UserError>>,
        id: impl FnOnce(C::Answer) -> I,
    ) -> Result<Outcome<I>, ApiError> {
        let command = match command {
            Ok(command) => command,
            Err(errors) => {
                self.require(C::ACCESS.permission).await?;
                return Ok(Outcome::refused(errors));
            }
        };
        match self.dispatch(subject, key, command).await? {
            Dispatched::Accepted(receipt) => Ok(Outcome::accepted(id(receipt.answer), receipt.token)),
            Dispatched::Refused(errors) => Ok(Outcome::refused(errors)),
        }
    }

    async fn dispatch<C: Command>(
        &self,
        subject: &'static str,
        key: Option<&str>,
        command: C,
    ) -> Result<Dispatched<Receipt<C::Answer>>, ApiError> {
        if let Some(error) = key.and_then(UserError::of_key) {
            self.require(C::ACCESS.permission).await?;
            return Ok(Dispatched::Refused(vec![error]));
        }
        let dispatched = self.state.bus.dispatch(self.frame(C::NAME, key), command).await;
        let sorted = sort_out(dispatched, subject)?;
        if let Dispatched::Accepted(receipt) = &sorted {
            self.remember(receipt.token);
        }
        Ok(sorted)
    }

    /// The frame of a command of the product itself that belongs to this operation.
    pub(super) fn internal_frame(&self, part: &'static str) -> Context {
        Context {
            actor: Actor::System(part),
            ..self.frame(part, None)
        }
    }

    /// Later reads of this operation see what a command of it has written.
    pub(super) fn remember(&self, written: Option<ConsistencyToken>) {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(written) = written
            && token.is_none_or(|known| known.tenant == written.tenant && known.seq < written.seq)
        {
            *token = Some(written);
        }
    }

    pub(super) fn frame(&self, command: &str, key: Option<&str>) -> Context {
        let store = self.state.store();
        let Viewer { user, tenant } = self.viewer;
        Context {
            tenant,
            actor: Actor::User(user),
            impersonator: None,
            ip: self.ip,
            user_agent: self.user_agent.clone(),
            request_id: Some(self.request_id.clone()),
            correlation: CorrelationId::new(store.ids().next()),
            cause: None,
            command_id: key.map_or_else(
                || store.new_command_id(),
                |key| Context::keyed(tenant, user, command, key),
            ),
            effective_at: None,
            dry_run: false,
        }
    }
}
