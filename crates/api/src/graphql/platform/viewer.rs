//! Who runs the platform.

use async_graphql::{Context, Object, Result};

use crate::graphql::{identity::user::User, rate_limit::RateLimit, scope::scope, tenancy::Permission};

/// Who asks, and what they may do.
#[derive(Debug)]
pub(crate) struct Viewer;

/// Who asks, and what they may do.
#[Object]
impl Viewer {
    /// The operator.
    async fn user(&self, context: &Context<'_>) -> Option<User> {
        Some(User::of(scope(context).ok()?.viewer()))
    }

    /// What the viewer may do.
    async fn permissions(&self, context: &Context<'_>) -> Result<Vec<Permission>> {
        Ok(Permission::of(scope(context)?).await?)
    }

    /// What the viewer may still ask for.
    async fn rate_limit(&self, context: &Context<'_>) -> Option<RateLimit> {
        RateLimit::of(scope(context).ok()?)
    }
}

/// Questions about the viewer.
#[derive(Debug, Default)]
pub(crate) struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Who asks.
    /// Permission: none
    async fn viewer(&self) -> Viewer {
        Viewer
    }
}
