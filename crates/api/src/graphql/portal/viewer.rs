//! The customer who asks.

use async_graphql::{Context, Object};

use crate::graphql::{scope::scope, tenancy::User};

/// Who asks.
#[derive(Debug)]
pub(crate) struct Viewer;

/// Who asks.
#[Object]
impl Viewer {
    /// The account.
    async fn user(&self, context: &Context<'_>) -> Option<User> {
        Some(User::of(scope(context).ok()?.viewer()))
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
