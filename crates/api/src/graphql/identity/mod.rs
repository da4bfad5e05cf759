//! Getting in, and who may: sign-in for all surfaces, one's own account, and the tenant's users, roles and keys.

pub(super) mod account;
pub(super) mod api_keys;
pub(super) mod entry;
pub(super) mod impersonation;
pub(super) mod lists;
pub(super) mod roles;
pub(super) mod sign_in_rules;
pub(super) mod switching;
pub(super) mod user;
pub(super) mod users;

use async_graphql::MergedObject;

pub(super) use self::user::{Opened as OpenedUser, UserStatus};

/// Commands about one's own way in, and before anybody is in.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct OwnMutation(entry::EntryMutation, account::AccountMutation);

/// Questions about users, wherever they are.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct CrewQuery(
    users::UsersQuery,
    lists::SessionsQuery,
    api_keys::ApiKeysQuery,
    switching::SwitchingQuery,
);

/// Commands about users, wherever they are.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct CrewMutation(
    users::UsersMutation,
    lists::SessionsMutation,
    api_keys::ApiKeysMutation,
    switching::SwitchingMutation,
);

/// Questions about a tenant's users. The platform has no roles of its own.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct PeopleQuery(CrewQuery, roles::RolesQuery, sign_in_rules::SignInRulesQuery);

/// Commands about a tenant's users.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct PeopleMutation(
    CrewMutation,
    roles::RolesMutation,
    sign_in_rules::SignInRulesMutation,
);
