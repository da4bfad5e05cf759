//! Keys with which machines act for a user.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject, connection::Connection};
use secrecy::ExposeSecret as _;
use simpul_app::{
    identity::{
        api_keys::{IssueApiKey, RevokeApiKey},
        secret::{self, SecretKind},
    },
    permission,
};
use simpul_domain::ApiKeyId;
use simpul_event_store::inline::{
    Stretch,
    identity::api_key::{self, KeyRow},
};
use simpul_projections::Position;

use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        page::{Asked, Cursor, Window, placed},
        payload::{Verdict, payload},
        scalar::DateTime,
        scope::{Scope, scope},
        tenancy::Permission,
    },
};

const LIST: &str = "apiKeys";

/// A key of a machine. What it is used with was shown once, when it was made.
#[derive(Debug, SimpleObject)]
pub(crate) struct ApiKey {
    /// Opaque.
    pub(in crate::graphql) id: ID,
    /// As its maker calls it.
    name: String,
    /// For whom the machine acts.
    user_id: ID,
    /// What it may do at most; never more than the user may at the time.
    scopes: Vec<Permission>,
    /// When it was made.
    issued_at: DateTime,
    /// When it ends.
    expires_at: DateTime,
    /// When it was revoked.
    revoked_at: Option<DateTime>,
    /// To the minute.
    last_used_at: Option<DateTime>,
}

impl From<KeyRow> for ApiKey {
    fn from(row: KeyRow) -> Self {
        Self {
            id: row.key.to_string().into(),
            name: row.name,
            user_id: row.user.to_string().into(),
            scopes: Permission::named(&row.scopes),
            issued_at: DateTime(row.issued_at),
            expires_at: DateTime(row.expires_at),
            revoked_at: row.revoked_at.map(DateTime),
            last_used_at: row.last_used_at.map(DateTime),
        }
    }
}

impl ApiKey {
    pub(in crate::graphql) async fn load(scope: &Scope, key: ApiKeyId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::API_KEY_WRITE).await?;
        let mut tx = scope.read(&[]).await?;
        let row = api_key::list(&mut tx, Some(key), None, Stretch::newest(1))
            .await?
            .pop();
        tx.commit().await?;
        Ok(row.map(Self::from))
    }
}

/// What `apiKeyIssue` answers.
#[derive(SimpleObject)]
pub(crate) struct ApiKeyIssuePayload {
    /// As it is after the command; null when the command was refused.
    api_key: Option<ApiKey>,
    /// Sent as `Authorization: Bearer`. Shown only now; null when it was shown before, or the command was refused.
    secret: Option<String>,
    #[graphql(flatten)]
    verdict: Verdict,
}

payload! {
    /// What `apiKeyRevoke` answers.
    ApiKeyRevokePayload { api_key: ApiKey = ApiKeyId }
}

/// A new key.
#[derive(InputObject)]
pub(crate) struct ApiKeyIssueInput {
    /// 1 to 50 characters.
    name: String,
    /// At least one; none that the viewer does not hold.
    scopes: Vec<Permission>,
    /// Within a year.
    expires_at: DateTime,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A key that is revoked.
#[derive(InputObject)]
pub(crate) struct ApiKeyRevokeInput {
    /// Of the key.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// Questions about keys.
#[derive(Debug, Default)]
pub(crate) struct ApiKeysQuery;

#[Object]
impl ApiKeysQuery {
    /// Keys, newest first, those that are over too; at most 100 a page.
    /// Permission: key.write
    async fn api_keys(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<Connection<Cursor, ApiKey>> {
        let scope = scope(context)?;
        scope.require(permission::API_KEY_WRITE).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let page = asked.page()?;
        let mut tx = scope.read(&[]).await?;
        let rows = api_key::list(&mut tx, None, None, page.stretch()).await;
        let rows = rows.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        let position = |row: &KeyRow| Position {
            at: row.issued_at,
            id: row.key.as_uuid(),
        };
        Ok(placed(&asked, page, rows, position, ApiKey::from))
    }
}

/// Commands about keys.
#[derive(Debug, Default)]
pub(crate) struct ApiKeysMutation;

#[Object]
impl ApiKeysMutation {
    /// Makes a key with which a machine does a part of what the viewer may.
    /// Permission: key.write
    async fn api_key_issue(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: ApiKeyIssueInput,
    ) -> Result<ApiKeyIssuePayload> {
        let scope = scope(context)?;
        let minted = secret::mint(SecretKind::ApiKey, scope.tenant()).map_err(|_| ApiError::internal())?;
        let command = IssueApiKey {
            user: scope.viewer().user,
            name: input.name,
            scopes: input.scopes.iter().filter_map(|scope| scope.name()).collect(),
            expires_at: input.expires_at.0,
            hash: minted.hash,
        };
        let key = input.idempotency_key.as_deref();
        let (outcome, repeated) = scope.command_once("key", key, Ok(command), |key| key).await?;
        let (id, verdict) = outcome.split();
        Ok(ApiKeyIssuePayload {
            api_key: match id {
                Some(key) => ApiKey::load(scope, key).await?,
                None => None,
            },
            secret: (id.is_some() && !repeated).then(|| minted.text.expose_secret().to_owned()),
            verdict,
        })
    }

    /// Has a key not be believed any more, at once.
    /// Permission: key.write
    async fn api_key_revoke(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: ApiKeyRevokeInput,
    ) -> Result<ApiKeyRevokePayload> {
        let mut fields = Fields::default();
        let key = fields.id("id", "key", &input.id);
        let command = fields.done(key.map(|key| RevokeApiKey { key }));
        let idempotency_key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("key", idempotency_key, command, |key| key);
        Ok(outcome.await?.into())
    }
}
