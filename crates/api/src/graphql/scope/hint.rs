//! Whether a button would do something (ADR 92).

use std::sync::{Arc, Mutex, PoisonError};

use simpul_event_store::{Command, Context, DispatchError, inline::access::Admitted};
use tokio::sync::OnceCell;

use super::Scope;
use crate::ApiError;

/// Stands for whatever a person would say, where a command is only tried.
pub(in crate::graphql) const SOME_REASON: &str = "-";

/// What the bus asks of the viewer, read once for all buttons of a page. Most operations have none.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<Option<Arc<OnceCell<Admitted>>>>);

impl Asked {
    fn cell(&self) -> Arc<OnceCell<Admitted>> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(asked.get_or_insert_default())
    }

    /// After a command: what was so before it may be no longer.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Scope {
    /// Whether the viewer could give this command now, and it would change something (`facts/graphql.md` V4). The bus is asked, so
    /// that this is never another answer than the command's own.
    pub(in crate::graphql) async fn could<C: Command>(&self, command: C) -> Result<bool, ApiError> {
        let frame = Context {
            dry_run: true,
            ..self.frame(C::NAME, None)
        };
        let admitted = self.asked().await?;
        match self.state.bus.dispatch_admitted(frame, admitted, command).await {
            Ok(receipt) => Ok(!receipt.repeated),
            Err(error @ DispatchError::Store(_)) => Err(ApiError::from_coded(&error)),
            Err(_) => Ok(false),
        }
    }

    /// Nothing on a connection that lives on, whose viewer may be demoted meanwhile: there the bus reads it each time.
    async fn asked(&self) -> Result<Option<Admitted>, ApiError> {
        if self.hub.is_some() {
            return Ok(None);
        }
        let cell = self.asked.cell();
        let admitted = cell.get_or_try_init(|| async {
            let (_, admitted) = self.state.at_gate(self.viewer.caller(None)).await?;
            Ok::<_, ApiError>(admitted)
        });
        Ok(Some(admitted.await?.clone()))
    }
}
