//! Which fields of the APIs are asked for, and by which clients (ADR 87).

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use simpul_app::permission;
use simpul_event_store::usage::{self, Usage, Wanted};

use crate::{
    ApiError, Surface,
    graphql::{
        scalar::{BigInt, Date},
        scope::scope,
    },
};

/// One of the APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Surface", name = "ApiSurface")]
pub(crate) enum ApiSurface {
    /// Of a tenant's staff.
    Staff,
    /// Of a tenant's customers.
    Portal,
    /// Of those who run the platform.
    Platform,
}

/// How often a client has asked for a field.
#[derive(Debug, SimpleObject)]
pub(crate) struct FieldUse {
    /// The field, such as `Invoice.status`; of an interface where it was selected on one.
    coordinate: String,
    /// As it called itself in `X-Client-Name`; `unknown` without a name, and for whoever was not signed in; `other` for names
    /// that came when an instance had told 50 apart that day.
    client: String,
    /// Operations that asked for it and were let in.
    uses: BigInt,
    /// The first day of them, in UTC.
    first_on: Date,
    /// The last one.
    last_on: Date,
}

impl From<Usage> for FieldUse {
    fn from(usage: Usage) -> Self {
        Self {
            coordinate: usage.of.coordinate,
            client: usage.of.client,
            uses: BigInt(usage.of.uses),
            first_on: Date(usage.first_on),
            last_on: Date(usage.last_on),
        }
    }
}

/// Questions about who uses the APIs.
#[derive(Debug, Default)]
pub(crate) struct UsageQuery;

#[Object]
impl UsageQuery {
    /// Which fields were asked for, by coordinate and client, at most 500; a minute behind. Days are kept for 400 days.
    /// Permission: platform.read
    async fn field_usage(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of which API.")] surface: ApiSurface,
        #[graphql(desc = "The first day, in UTC.")] since: Date,
        #[graphql(desc = "A field, such as `Invoice.status`, or a type with all its fields.")]
        coordinate: Option<String>,
        #[graphql(desc = "Of this client only.")] client: Option<String>,
    ) -> Result<Vec<FieldUse>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let wanted = Wanted {
            surface: Surface::from(surface).name(),
            since: since.0,
            coordinate: coordinate.as_deref(),
            client: client.as_deref(),
        };
        let found = usage::list(scope.state().store(), &wanted).await;
        Ok(found
            .map_err(ApiError::from)?
            .into_iter()
            .map(FieldUse::from)
            .collect())
    }
}
