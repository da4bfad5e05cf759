//! Who owns a tenant, as the platform sees it and puts it right (F5).
//!
//! Owners are users of the tenant's own log and vault: they are read there, in a transaction that is the tenant's, and
//! nothing of them is kept in the platform's read models. Another one is invited by the platform's log and an errand.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use secrecy::{ExposeSecret as _, SecretString};
use simpul_app::{Personal, permission, platform::InviteTenantOwner};
use simpul_domain::{
    Code, TenantId,
    identity::{BuiltInRole, EmailAddress},
};
use simpul_event_store::feed::{Projector as _, read_at};
use simpul_projections::{
    identity::user_list::{self, Personal as Opened, UserListProjector, UserRow},
    sift::{Sieve, Sift, Siftable, Test},
};

use super::{acts::act, tenants::ManagedTenant};
use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        identity::user::UserStatus,
        payload::payload,
        scalar::DateTime,
        scope::{Scope, scope},
    },
};

/// Owners of one tenant that are shown.
const MAX_OWNERS: i64 = 20;

/// A user who owns a tenant, or will when they have joined.
#[derive(Debug, SimpleObject)]
pub(crate) struct TenantOwner {
    /// Of the user, in the tenant.
    id: ID,
    /// Personal; null once it is erased.
    name: Option<String>,
    /// Personal; with which they sign in. Null once it is erased.
    email: Option<String>,
    /// Where they stand.
    status: UserStatus,
    /// Whether they are asked for a one-time code.
    has_second_factor: bool,
    /// When they were invited.
    invited_at: DateTime,
    /// When they accepted the invitation.
    joined_at: Option<DateTime>,
}

impl TenantOwner {
    fn new(row: &UserRow, opened: Option<&Opened>) -> Self {
        let clear = |text: &SecretString| text.expose_secret().to_owned();
        Self {
            id: row.user.to_string().into(),
            name: opened.map(|opened| clear(&opened.name)),
            email: opened.map(|opened| clear(&opened.email)),
            status: UserStatus::of(&row.status),
            has_second_factor: row.second_factor,
            invited_at: DateTime(row.invited_at),
            joined_at: row.joined_at.map(DateTime),
        }
    }

    /// Those of a tenant, newest first; none of one that is not founded, or is deleted.
    pub(super) async fn of(scope: &Scope, tenant: TenantId) -> Result<Vec<Self>, ApiError> {
        scope.require(permission::PLATFORM_TENANTS).await?;
        let store = scope.state().store();
        let owns = Test::Is(BuiltInRole::Owner.as_str().to_owned());
        let owners = Sieve::All(vec![
            Sieve::Test(user_list::ROLES, owns),
            Sieve::Test(user_list::CUSTOMER, Test::IsThere(false)),
        ]);
        let mut tx = read_at(store, tenant, &[UserListProjector::NAME], None).await?;
        let found = UserRow::sifted(&mut tx, &Sift::newest(MAX_OWNERS, owners)).await?;
        let rows: Vec<UserRow> = found.rows.into_iter().map(|(_, row)| row).collect();
        let opened = user_list::open(&mut tx, store.vault(), &rows).await?;
        tx.commit().await?;
        let both = rows.iter().zip(&opened);
        Ok(both
            .map(|(row, opened)| Self::new(row, opened.as_ref()))
            .collect())
    }
}

/// Another owner of a tenant.
#[derive(InputObject)]
pub(crate) struct TenantOwnerInviteInput {
    /// Of the tenant.
    id: ID,
    /// Who shall own it; 1 to 100 characters.
    name: String,
    /// Where the invitation goes, and with which they will sign in.
    email: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

payload! {
    /// What `tenantOwnerInvite` answers.
    TenantOwnerInvitePayload { tenant: ManagedTenant = TenantId }
}

/// Commands about owners of tenants.
#[derive(Debug, Default)]
pub(crate) struct OwnersMutation;

#[Object]
impl OwnersMutation {
    /// Invites another owner into a tenant whose own owners cannot be reached. They are invited within a moment and join by their
    /// letter, within a week; the tenant reads in its trail who of the platform did it. Owners of before stay: the new one
    /// disables them. For people only, as `tenantImpersonate` is.
    /// Permission: platform.tenants
    async fn tenant_owner_invite(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantOwnerInviteInput,
    ) -> Result<TenantOwnerInvitePayload> {
        let scope = scope(context)?;
        // Whoever owns a tenant may do everything in it: as much as somebody who acts as its owner.
        if !scope.proof().is_personal() {
            let text = "A person answers for another owner, with a session of their own; a key of a machine does not";
            return Err(ApiError::new(Code::Forbidden, text).into());
        }
        let mut fields = Fields::default();
        let tenant = fields.id("id", "tenant", &input.id);
        fields.said([("name", &input.name)]);
        fields.take("email", "pattern", EmailAddress::typed(&input.email));
        let by = scope.viewer().user;
        let command = fields.done(tenant.map(|tenant| InviteTenantOwner {
            tenant,
            by,
            name: Personal::new(&input.name),
            email: Personal::new(&input.email),
        }));
        Ok(act(context, input.idempotency_key.as_deref(), command)
            .await?
            .into())
    }
}
