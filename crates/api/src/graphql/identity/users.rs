//! The tenant's users.

use std::collections::BTreeSet;

use async_graphql::{Context, ID, InputObject, Object, Result};
use simpul_app::{
    Personal,
    identity::{
        erasure::EraseUser,
        invitations::{Handover, Invitation, InviteAgain, InviteUser},
        second_factor::ResetSecondFactor,
        users::{ChangeUserRoles, DisableUser, EnableUser, RenameUser},
    },
    permission,
};
use simpul_domain::{
    UserId,
    identity::{RoleKey, UserKind},
};
use simpul_event_store::{Command, feed::Projector as _};
use simpul_projections::{
    identity::user_list::{self, UserListProjector, UserRow},
    sift::{Place, Sift, Siftable},
};

use super::user::{User, UserStatus};
use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        page::{Asked, Listed, Window, sifted},
        payload::{Outcome, payload},
        scope::{Scope, Sent, scope},
        sift::{
            BooleanComparator, DateTimeComparator, IdComparator, NamesComparator, WordComparator, filter,
            order, order_of, sieve, term,
        },
        user_error::UserError,
    },
};

const LIST: &str = "users";

/// Runs a command about a user and says what became of it.
async fn run<C: Command<Answer = UserId>, P: From<Outcome<UserId>>>(
    context: &Context<'_>,
    sent: Sent<'_>,
    command: Result<C, Vec<UserError>>,
) -> Result<P> {
    let outcome = scope(context)?.edit("user", sent, command, |user| user);
    Ok(outcome.await?.into())
}

/// Somebody who shall become a user.
#[derive(InputObject)]
pub(crate) struct UserInviteInput {
    /// Where the invitation goes, and with which they will sign in.
    email: String,
    /// 1 to 100 characters.
    name: String,
    /// Names of built-in roles, such as `technician`, and ids of the tenant's own. 1 to 10.
    roles: Vec<String>,
    /// The end customer who they are, for a user of the portal. Their one role is `customer`.
    customer_id: Option<ID>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// Declares the inputs of commands that need to know no more than the user.
macro_rules! one_user {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Debug, InputObject)]
        pub(crate) struct $name {
            /// Of the user.
            id: ID,
            /// Same key, same effect. 1 to 64 characters.
            idempotency_key: Option<String>,
        }

        impl $name {
            async fn run<C: Command<Answer = UserId>, P: From<Outcome<UserId>>>(
                &self,
                context: &Context<'_>,
                command: impl FnOnce(UserId) -> C,
            ) -> Result<P> {
                let mut fields = Fields::default();
                let user = fields.id("id", "user", &self.id);
                let command = fields.done(user.map(command));
                run(context, self.idempotency_key.as_deref().into(), command).await
            }
        }
    )+};
}

one_user! {
    /// Somebody who is invited again.
    UserInviteAgainInput
    /// Somebody who shall do nothing any more.
    UserDisableInput
    /// Somebody who shall do things again.
    UserEnableInput
    /// Somebody who has lost the second factor.
    UserSecondFactorResetInput
    /// Somebody who shall be forgotten.
    UserEraseInput
}

payload! {
    /// What `userInvite` answers. Its user is null also for whoever may not see users, as in all of these.
    UserInvitePayload { user: User = UserId }
}
payload! {
    /// What `userInviteAgain` answers.
    UserInviteAgainPayload { user: User = UserId }
}
payload! {
    /// What `userRolesChange` answers.
    UserRolesChangePayload { user: User = UserId }
}
payload! {
    /// What `userRename` answers.
    UserRenamePayload { user: User = UserId }
}
payload! {
    /// What `userDisable` answers.
    UserDisablePayload { user: User = UserId }
}
payload! {
    /// What `userEnable` answers.
    UserEnablePayload { user: User = UserId }
}
payload! {
    /// What `userSecondFactorReset` answers.
    UserSecondFactorResetPayload { user: User = UserId }
}
payload! {
    /// What `userErase` answers.
    UserErasePayload { user: User = UserId }
}

/// Other roles for a user.
#[derive(InputObject)]
pub(crate) struct UserRolesChangeInput {
    /// Of the user.
    id: ID,
    /// In place of those before. 1 to 10.
    roles: Vec<String>,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// Another name for a user.
#[derive(InputObject)]
pub(crate) struct UserRenameInput {
    /// Of the user.
    id: ID,
    /// 1 to 100 characters.
    name: String,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

fn roles(fields: &mut Fields, names: &[String]) -> Option<BTreeSet<RoleKey>> {
    let parsed: Result<BTreeSet<RoleKey>, _> = names.iter().map(|name| name.parse()).collect();
    fields.take("roles", "role", parsed)
}

impl UserInviteInput {
    fn command(&self) -> Result<InviteUser, Vec<UserError>> {
        let mut fields = Fields::default();
        let roles = roles(&mut fields, &self.roles);
        let kind = match &self.customer_id {
            None => Some(UserKind::Staff),
            Some(id) => {
                let customer = fields.id("customerId", "customer", id);
                customer.map(|customer| UserKind::Portal { customer })
            }
        };
        fields.done(roles.zip(kind).map(|(roles, kind)| InviteUser {
            invitation: Invitation {
                email: Personal::new(&self.email),
                name: Personal::new(&self.name),
                kind,
                roles,
                handover: Handover::Letter,
            },
        }))
    }
}

filter! {
    /// Which users; everything that is given must hold.
    UserFilter {
        /// Where they stand.
        status: WordComparator<UserStatus> = user_list::STATUS,
        /// Names of built-in roles, and ids of the tenant's own.
        roles: NamesComparator = user_list::ROLES,
        /// Whom they are in the portal; `isNull` finds staff.
        customer_id: IdComparator = user_list::CUSTOMER,
        /// Whether they are asked for a one-time code.
        has_second_factor: BooleanComparator = user_list::SECOND_FACTOR,
        /// When they were invited.
        invited_at: DateTimeComparator = user_list::INVITED_AT,
        /// When they accepted the invitation.
        joined_at: DateTimeComparator = user_list::JOINED_AT,
    }
}

order! {
    UserOrder by UserOrderField {
        /// When they were invited.
        InvitedAt = user_list::INVITED_AT,
    }
}

/// Questions about users.
#[derive(Debug, Default)]
pub(crate) struct UsersQuery;

#[Object]
impl UsersQuery {
    /// Users, newest first; at most 100 a page.
    /// Permission: user.read
    async fn users(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "0 to 10,000 rows that are passed over; goes with `first` only.")] offset: Option<
            i32,
        >,
        #[graphql(desc = "Which; all when absent.")] filter: Option<UserFilter>,
        #[graphql(desc = "Newest first when absent.")] order_by: Option<Vec<UserOrder>>,
        #[graphql(desc = "A part of the name or the address; 2 to 100 characters.")] search: Option<String>,
    ) -> Result<Listed<User>> {
        let scope = scope(context)?;
        scope.require(permission::USER_READ).await?;
        let window = Window::both(first, after, last, before).behind(offset);
        let asked = Asked::of(context, LIST, window)?;
        let sift = asked.sift(sieve(filter.as_ref())?, order_of(order_by)?);
        let term = search.as_deref().map(term).transpose()?;
        Ok(Self::passing(scope, &asked, &sift, term).await?)
    }
}

impl UsersQuery {
    async fn passing(
        scope: &Scope,
        asked: &Asked,
        sift: &Sift,
        term: Option<&str>,
    ) -> Result<Listed<User>, ApiError> {
        let mut tx = scope.read(&[UserListProjector::NAME]).await?;
        let mut passed = match term {
            None => UserRow::sifted(&mut tx, sift).await?,
            Some(term) => user_list::search(&mut tx, scope.state().store().vault(), sift, term).await?,
        };
        let (places, rows): (Vec<Place>, Vec<UserRow>) = std::mem::take(&mut passed.rows).into_iter().unzip();
        let opened = User::open(scope, &mut tx, rows).await?;
        tx.commit().await?;
        let passed = passed.with(places.into_iter().zip(opened).collect());
        Ok(sifted(asked, passed, |user| user))
    }
}

/// Commands about users.
#[derive(Debug, Default)]
pub(crate) struct UsersMutation;

#[Object]
impl UsersMutation {
    /// Invites somebody. They join with the secret of the letter, within a week. Nobody gives what they do not hold.
    /// Permission: user.write
    async fn user_invite(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: UserInviteInput,
    ) -> Result<UserInvitePayload> {
        // Whoever repeats the command gets the same user and no other letter.
        run(context, input.idempotency_key.as_deref().into(), input.command()).await
    }

    /// Sends another invitation to somebody who has not joined; the one before is void.
    /// Permission: user.write
    async fn user_invite_again(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: UserInviteAgainInput,
    ) -> Result<UserInviteAgainPayload> {
        input.run(context, |user| InviteAgain { user }).await
    }

    /// Gives a user other roles. What they may not do any more ends at once, live connections too.
    /// Permission: user.write
    async fn user_roles_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom, and which.")] input: UserRolesChangeInput,
    ) -> Result<UserRolesChangePayload> {
        let mut fields = Fields::default();
        let user = fields.id("id", "user", &input.id);
        let roles = roles(&mut fields, &input.roles);
        let both = user.zip(roles);
        let command = fields.done(both.map(|(user, roles)| ChangeUserRoles { user, roles }));
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        run(context, sent, command).await
    }

    /// Changes what a user is called.
    /// Permission: user.write
    async fn user_rename(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom, and how.")] input: UserRenameInput,
    ) -> Result<UserRenamePayload> {
        let mut fields = Fields::default();
        let user = fields.id("id", "user", &input.id);
        let name = Personal::new(&input.name);
        let command = fields.done(user.map(|user| RenameUser { user, name }));
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        run(context, sent, command).await
    }

    /// Has a user do nothing any more; their sessions end at once. The last owner stays.
    /// Permission: user.write
    async fn user_disable(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: UserDisableInput,
    ) -> Result<UserDisablePayload> {
        input.run(context, |user| DisableUser { user }).await
    }

    /// Gives a disabled user back what their roles allow.
    /// Permission: user.write
    async fn user_enable(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: UserEnableInput,
    ) -> Result<UserEnablePayload> {
        input.run(context, |user| EnableUser { user }).await
    }

    /// Removes the second factor of somebody who has lost it and the recovery codes.
    /// Permission: user.write
    async fn user_second_factor_reset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: UserSecondFactorResetInput,
    ) -> Result<UserSecondFactorResetPayload> {
        input.run(context, |user| ResetSecondFactor { user }).await
    }

    /// Erases the name and the address of somebody who is disabled, for ever. What they did stays in the audit trail
    /// under their id.
    /// Permission: user.write
    async fn user_erase(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: UserEraseInput,
    ) -> Result<UserErasePayload> {
        input.run(context, |user| EraseUser { user }).await
    }
}
