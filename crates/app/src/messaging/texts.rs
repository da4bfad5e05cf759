//! The operator's own texts of messages.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    TenantId,
    messaging::{MessageKind, MessageTexts, MessageTextsCommand},
    tenancy::Language,
};
use simpul_event_store::{Access, Command, EventStore, StoreError, Work};

use crate::{Outcome, Refusal, decide, permission};

/// The texts now, and which version of them.
pub async fn message_texts(store: &EventStore, tenant: TenantId) -> Result<(MessageTexts, i64), StoreError> {
    store.load(tenant, &tenant.to_string()).await
}

/// Has messages of a kind say something else.
///
/// INVARIANT: whoever dispatches it has checked the template.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WriteMessageText {
    pub kind: MessageKind,
    pub language: Language,
    pub source: String,
}

impl Command for WriteMessageText {
    const NAME: &'static str = "message_text.write";
    const ACCESS: Access = Access::permission(permission::TENANT_SETTINGS);
    type Answer = ();
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        let id = work.tenant().to_string();
        work.version_read::<MessageTexts>(&id).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let id = work.tenant().to_string();
        let command = MessageTextsCommand::Write {
            kind: self.kind,
            language: self.language,
            source: self.source.clone(),
            at: work.at(),
        };
        decide::<MessageTexts>(work, &id, command).await?;
        Ok(())
    }
}

/// Has messages of a kind say what is built in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResetMessageText {
    pub kind: MessageKind,
    pub language: Language,
}

impl Command for ResetMessageText {
    const NAME: &'static str = "message_text.reset";
    const ACCESS: Access = Access::permission(permission::TENANT_SETTINGS);
    type Answer = ();
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        let id = work.tenant().to_string();
        work.version_read::<MessageTexts>(&id).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let id = work.tenant().to_string();
        let command = MessageTextsCommand::Reset {
            kind: self.kind,
            language: self.language,
            at: work.at(),
        };
        decide::<MessageTexts>(work, &id, command).await?;
        Ok(())
    }
}
