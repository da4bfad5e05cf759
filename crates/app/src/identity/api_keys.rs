//! Keys with which machines act for a user.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    ApiKeyId, UserId,
    identity::{ApiKey, ApiKeyCommand, Permissions, api_key::IssueApiKey as Issue},
    tenancy::Feature,
};
use simpul_event_store::{
    Access, Command, Work,
    inline::{
        Inline, Stretch,
        identity::{
            Change, SecretHash,
            api_key::{self, NewKey},
        },
    },
};

use super::access::held;
use crate::{Outcome, Refusal, decide, permission, refuse};

/// Users do not have more keys than this.
const MAX_KEYS: i64 = 500;

/// Makes a key that can do a part of what its maker can.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IssueApiKey {
    /// Whoever asks.
    pub user: UserId,
    pub name: String,
    pub scopes: Permissions,
    pub expires_at: DateTime<Utc>,
    #[serde(skip)]
    pub hash: SecretHash,
}

impl Command for IssueApiKey {
    const NAME: &'static str = "api_key.issue";
    const ACCESS: Access = Access {
        feature: Some(Feature::ApiKeys.as_str()),
        ..Access::permission(permission::API_KEY_WRITE)
    };
    type Answer = ApiKeyId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<ApiKeyId> {
        // What one does in person no machine does, and no key makes others.
        let personal = [permission::ACCOUNT_OWN, permission::API_KEY_WRITE];
        if self.scopes.iter().any(|scope| personal.contains(&scope.as_str())) {
            return refuse(Refusal::Invalid {
                field: "scopes",
                rule: "personal",
            });
        }
        let key = ApiKeyId::new(work.new_uuid());
        let (id, at) = (key.to_string(), work.at());
        let issue = Issue {
            key,
            user: self.user,
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            held: held(work).await?.unwrap_or_default(),
            expires_at: self.expires_at,
            at,
        };
        work.begin::<ApiKey>(&id);
        decide::<ApiKey>(work, &id, ApiKeyCommand::Issue(Box::new(issue))).await?;
        work.inline(Inline::Identity(Change::PutKey(NewKey {
            key,
            user: self.user,
            name: self.name.clone(),
            hash: self.hash,
            scopes: self.scopes.iter().map(ToString::to_string).collect(),
            issued_at: at,
            expires_at: self.expires_at,
        })));
        Ok(key)
    }
}

/// A key that is not believed any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevokeApiKey {
    pub key: ApiKeyId,
}

impl Command for RevokeApiKey {
    const NAME: &'static str = "api_key.revoke";
    const ACCESS: Access = Access::permission(permission::API_KEY_WRITE);
    type Answer = ApiKeyId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<ApiKeyId> {
        revoke(work, self.key).await?;
        Ok(self.key)
    }
}

async fn revoke(work: &mut Work<'_>, key: ApiKeyId) -> Outcome<()> {
    let at = work.at();
    decide::<ApiKey>(work, &key.to_string(), ApiKeyCommand::Revoke { at }).await?;
    work.inline(Inline::Identity(Change::RevokeKey { key, at }));
    Ok(())
}

/// Revokes every key of a user.
pub(super) async fn revoke_all(work: &mut Work<'_>, user: UserId) -> Outcome<()> {
    let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
    let keys = api_key::list(&mut tx, None, Some(user), Stretch::newest(MAX_KEYS)).await?;
    tx.commit().await?;
    for key in keys.into_iter().filter(|key| key.revoked_at.is_none()) {
        revoke(work, key.key).await?;
    }
    Ok(())
}
