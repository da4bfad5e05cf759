//! A user: read once, and only if more than the id is asked for.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use async_graphql::{Context, Enum, ID, Object, Result};
use secrecy::{ExposeSecret as _, SecretString};
use simpul_app::permission;
use simpul_domain::{Code, UserId};
use simpul_event_store::TenantTx;
use simpul_projections::identity::user_list::{self, UserRow, status};
use tokio::sync::OnceCell;

use crate::{
    ApiError,
    auth::Viewer,
    graphql::{
        batch,
        scalar::{DateTime, version},
        scope::{Scope, scope},
        sift::Stored,
    },
};

/// Where a user stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum UserStatus {
    /// Has not accepted the invitation yet.
    Invited,
    /// Can sign in.
    Active,
    /// May do nothing.
    Disabled,
    /// Nobody knows any more who it was.
    Erased,
}

impl UserStatus {
    const ALL: [(&'static str, Self); 4] = [
        (status::INVITED, Self::Invited),
        (status::ACTIVE, Self::Active),
        (status::DISABLED, Self::Disabled),
        (status::ERASED, Self::Erased),
    ];

    pub(in crate::graphql) fn of(word: &str) -> Self {
        let known = Self::ALL.iter().find(|(known, _)| *known == word);
        known.map_or(Self::Disabled, |(_, status)| *status)
    }
}

impl Stored for UserStatus {
    fn stored(self) -> String {
        let known = Self::ALL.iter().find(|(_, status)| *status == self);
        known.map_or(status::DISABLED, |(word, _)| word).to_owned()
    }
}

/// Who can sign in.
#[derive(Debug)]
pub(crate) struct User {
    id: UserId,
    public: ID,
    opened: OnceCell<Option<Opened>>,
}

/// A user's row with its personal fields.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct Opened {
    row: UserRow,
    /// Nothing of whoever is erased.
    email: Option<String>,
    name: Option<String>,
}

impl User {
    /// The viewer themself.
    pub(crate) fn of(viewer: Viewer) -> Self {
        Self::bare(viewer.user)
    }

    pub(crate) fn bare(id: UserId) -> Self {
        Self {
            id,
            public: id.to_string().into(),
            opened: OnceCell::new(),
        }
    }

    /// INVARIANT: whoever reads has asked for the permission.
    pub(super) async fn open(
        scope: &Scope,
        tx: &mut TenantTx,
        rows: Vec<UserRow>,
    ) -> Result<Vec<Self>, ApiError> {
        let opened = Opened::open(scope, tx, rows).await?;
        Ok(opened.into_iter().map(Self::from).collect())
    }

    /// The viewer themself, and nobody else.
    pub(in crate::graphql) fn own(scope: &Arc<Scope>, user: UserId) -> Ready<Result<Option<Self>, ApiError>> {
        ready(Ok((scope.viewer().user == user).then(|| Self::bare(user))))
    }

    /// Somebody; whoever may not see users sees themself only.
    pub(in crate::graphql) async fn find(scope: &Arc<Scope>, user: UserId) -> Result<Option<Self>, ApiError> {
        if scope.viewer().user == user {
            return Ok(Some(Self::bare(user)));
        }
        scope.require(permission::USER_READ).await?;
        let opened: Option<Opened> = batch::one(scope, user).await?;
        Ok(opened.map(Self::from))
    }

    /// As it is after a command of staff. Whoever may not see users is shown none.
    pub(crate) async fn load(scope: &Arc<Scope>, user: UserId) -> Result<Option<Self>, ApiError> {
        match Self::find(scope, user).await {
            Err(error) if error.code == Code::Forbidden => Ok(None),
            found => found,
        }
    }

    /// Everything about the user. Others than the viewer need a permission.
    async fn opened(&self, context: &Context<'_>) -> Result<Option<&Opened>, ApiError> {
        let scope = scope(context)?;
        let opened = self.opened.get_or_try_init(|| async {
            if scope.viewer().user != self.id {
                scope.require(permission::USER_READ).await?;
            }
            batch::one(scope, self.id).await
        });
        Ok(opened.await?.as_ref())
    }
}

impl From<Opened> for User {
    fn from(opened: Opened) -> Self {
        let id = opened.of();
        Self {
            id,
            public: id.to_string().into(),
            opened: OnceCell::new_with(Some(Some(opened))),
        }
    }
}

impl Opened {
    pub(in crate::graphql) const fn of(&self) -> UserId {
        self.row.user
    }

    /// INVARIANT: whoever reads has asked for the permission.
    pub(in crate::graphql) async fn by_ids(
        scope: &Scope,
        tx: &mut TenantTx,
        ids: &[UserId],
    ) -> Result<Vec<Self>, ApiError> {
        let rows = user_list::by_ids(tx, ids).await?;
        Self::open(scope, tx, rows).await
    }

    async fn open(scope: &Scope, tx: &mut TenantTx, rows: Vec<UserRow>) -> Result<Vec<Self>, ApiError> {
        let opened = user_list::open(tx, scope.state().store().vault(), &rows).await?;
        let clear = |text: &SecretString| text.expose_secret().to_owned();
        let both = rows.into_iter().zip(opened);
        Ok(both
            .map(|(row, personal)| Self {
                email: personal.as_ref().map(|personal| clear(&personal.email)),
                name: personal.as_ref().map(|personal| clear(&personal.name)),
                row,
            })
            .collect())
    }
}

/// Who can sign in. Whoever was never invited has an id and nothing else.
#[Object]
impl User {
    /// Opaque.
    pub(in crate::graphql) async fn id(&self) -> &ID {
        &self.public
    }

    /// Personal; null once it is erased.
    async fn name(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(self.opened(context).await?.and_then(|user| user.name.clone()))
    }

    /// Personal; with which they sign in. Null once it is erased.
    async fn email(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(self.opened(context).await?.and_then(|user| user.email.clone()))
    }

    /// Names of built-in roles, and ids of the tenant's own.
    async fn roles(&self, context: &Context<'_>) -> Result<Vec<String>> {
        let user = self.opened(context).await?;
        Ok(user.map(|user| user.row.roles.clone()).unwrap_or_default())
    }

    /// Where they stand.
    async fn status(&self, context: &Context<'_>) -> Result<Option<UserStatus>> {
        let user = self.opened(context).await?;
        Ok(user.map(|user| UserStatus::of(&user.row.status)))
    }

    /// Whether they are asked for a one-time code.
    async fn has_second_factor(&self, context: &Context<'_>) -> Result<bool> {
        let user = self.opened(context).await?;
        Ok(user.is_some_and(|user| user.row.second_factor))
    }

    /// Which version this is; sent back as `expectedVersion`, it has a change refused if somebody was faster.
    async fn version(&self, context: &Context<'_>) -> Result<i32> {
        let user = self.opened(context).await?;
        Ok(user.map_or(0, |user| version(user.row.version)))
    }

    /// Whom they are in the portal, if they are an end customer.
    async fn customer_id(&self, context: &Context<'_>) -> Result<Option<ID>> {
        let user = self.opened(context).await?;
        Ok(user
            .and_then(|user| user.row.customer)
            .map(|id| id.to_string().into()))
    }

    /// When they were invited.
    async fn invited_at(&self, context: &Context<'_>) -> Result<Option<DateTime>> {
        Ok(self
            .opened(context)
            .await?
            .map(|user| DateTime(user.row.invited_at)))
    }

    /// When they accepted the invitation.
    async fn joined_at(&self, context: &Context<'_>) -> Result<Option<DateTime>> {
        let user = self.opened(context).await?;
        Ok(user.and_then(|user| user.row.joined_at).map(DateTime))
    }
}
