//! Roles: the built-in ones, and those that the tenant made.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    identity::roles::{ChangeRole, DefineRole, RetireRole, built_in},
    permission,
};
use simpul_domain::{
    RoleId,
    identity::{BuiltInRole, Permissions},
};
use simpul_event_store::feed::Projector as _;
use simpul_projections::identity::role_list::{self, RoleListProjector, RoleRow};

use crate::{
    ApiError,
    graphql::{
        batch,
        fields::Fields,
        page::{Asked, Listed, Window, connection},
        payload::payload,
        scalar::{DateTime, version},
        scope::{Scope, Sent, scope},
        tenancy::Permission,
    },
};

const LIST: &str = "roles";

/// A name for a set of permissions.
#[derive(Debug, SimpleObject)]
pub(crate) struct Role {
    /// The name of a built-in role, or the id of one of the tenant's own.
    pub(in crate::graphql) id: ID,
    /// As people call it.
    name: String,
    /// What it allows.
    permissions: Vec<Permission>,
    /// When it was made; null for a built-in one.
    defined_at: Option<DateTime>,
    /// When it was given up.
    retired_at: Option<DateTime>,
    /// Which version this is; sent back as `expectedVersion`, it has a change refused if somebody was faster. 0 of a built-in
    /// one, which nobody changes.
    version: i32,
}

impl From<RoleRow> for Role {
    fn from(row: RoleRow) -> Self {
        Self {
            id: row.role.to_string().into(),
            name: row.name,
            permissions: Permission::named(&row.permissions),
            defined_at: Some(DateTime(row.defined_at)),
            retired_at: row.retired_at.map(DateTime),
            version: version(row.version),
        }
    }
}

impl Role {
    pub(in crate::graphql) async fn load(scope: &Arc<Scope>, role: RoleId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::USER_READ).await?;
        let row: Option<RoleRow> = batch::one(scope, role).await?;
        Ok(row.map(Self::from))
    }
}

payload! {
    /// What `roleDefine` answers.
    RoleDefinePayload { role: Role = RoleId }
}
payload! {
    /// What `roleChange` answers.
    RoleChangePayload { role: Role = RoleId }
}
payload! {
    /// What `roleRetire` answers.
    RoleRetirePayload { role: Role = RoleId }
}

/// A new role.
#[derive(InputObject)]
pub(crate) struct RoleDefineInput {
    /// 1 to 50 characters.
    name: String,
    /// At least one; none that the viewer does not hold.
    permissions: Vec<Permission>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A role that means something else from now on.
#[derive(InputObject)]
pub(crate) struct RoleChangeInput {
    /// Of the role.
    id: ID,
    /// 1 to 50 characters.
    name: String,
    /// In place of those before.
    permissions: Vec<Permission>,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A role that is given up.
#[derive(InputObject)]
pub(crate) struct RoleRetireInput {
    /// Of the role.
    id: ID,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

fn permissions(wanted: &[Permission]) -> Permissions {
    wanted.iter().filter_map(|permission| permission.name()).collect()
}

/// Questions about roles.
#[derive(Debug, Default)]
pub(crate) struct RolesQuery;

#[Object]
impl RolesQuery {
    /// The roles that every tenant has.
    /// Permission: user.read
    async fn built_in_roles(&self, context: &Context<'_>) -> Result<Vec<Role>> {
        scope(context)?.require(permission::USER_READ).await?;
        let roles = BuiltInRole::ALL.iter().filter(|role| !role.is_platforms());
        let role = |role: &BuiltInRole| Role {
            id: role.as_str().into(),
            name: role.as_str().to_owned(),
            permissions: Permission::named(built_in(*role)),
            defined_at: None,
            retired_at: None,
            version: 0,
        };
        Ok(roles.map(role).collect())
    }

    /// Roles that the tenant made, newest first, retired ones too; at most 100 a page.
    /// Permission: user.read
    async fn roles(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<Listed<Role>> {
        let scope = scope(context)?;
        scope.require(permission::USER_READ).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let mut tx = scope.read(&[RoleListProjector::NAME]).await?;
        let slice = role_list::list(&mut tx, asked.page()?)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection(&asked, slice, Role::from))
    }
}

/// Commands about roles.
#[derive(Debug, Default)]
pub(crate) struct RolesMutation;

#[Object]
impl RolesMutation {
    /// Makes a role of the tenant's own. Needs the feature `custom_roles`.
    /// Permission: role.write
    async fn role_define(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: RoleDefineInput,
    ) -> Result<RoleDefinePayload> {
        let command = DefineRole {
            name: input.name,
            permissions: permissions(&input.permissions),
        };
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("role", key, Ok(command), |role| role);
        Ok(outcome.await?.into())
    }

    /// Changes what a role means, for everybody who has it, at once. Needs the feature `custom_roles`.
    /// Permission: role.write
    async fn role_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which, and how.")] input: RoleChangeInput,
    ) -> Result<RoleChangePayload> {
        let mut fields = Fields::default();
        let role = fields.id("id", "role", &input.id);
        let permissions = permissions(&input.permissions);
        let command = fields.done(role.map(|role| ChangeRole {
            role,
            name: input.name.clone(),
            permissions,
        }));
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        let outcome = scope(context)?.edit("role", sent, command, |role| role);
        Ok(outcome.await?.into())
    }

    /// Gives a role up that nobody has.
    /// Permission: role.write
    async fn role_retire(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: RoleRetireInput,
    ) -> Result<RoleRetirePayload> {
        let mut fields = Fields::default();
        let role = fields.id("id", "role", &input.id);
        let command = fields.done(role.map(|role| RetireRole { role }));
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        let outcome = scope(context)?.edit("role", sent, command, |role| role);
        Ok(outcome.await?.into())
    }
}
