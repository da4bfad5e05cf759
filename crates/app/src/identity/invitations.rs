//! Invitations: how somebody becomes a user.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use simpul_domain::{
    CustomerId, UserId,
    identity::{
        BuiltInRole, EmailAddress, LetterKind, RoleKey, User, UserCommand, UserError, UserKind,
        user::InviteUser as Invite,
    },
};
use simpul_event_store::{
    Access, Command, Work,
    inline::{
        Inline,
        identity::{
            Change, SecretHash,
            ticket::{self, Purpose, Ticket},
        },
    },
};

use super::{
    access::{EMAIL_SCOPE, email_index, has_address, held, must_not_outrank, publish},
    admins,
    belonging::belong,
    field,
    letters::{INVITATION_LIFETIME, News, Ticketed, contact, send_ticket},
    roles::{HOLDERS, effective, must_be_switched_on},
    secret::SecretKind,
};
use crate::{Outcome, Personal, Refusal, decide, permission, refuse};

const MAX_NAME_CHARS: usize = 100;

/// Who is invited. The ticket is not part of the request: whoever repeats it gets the first answer and no second
/// ticket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invitation {
    /// An [`EmailAddress`].
    pub email: Personal,
    pub name: Personal,
    pub kind: UserKind,
    pub roles: BTreeSet<RoleKey>,
    #[serde(skip)]
    pub handover: Handover,
}

/// How whoever is invited gets their ticket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Handover {
    /// By a letter to their address, which leaves when the command is committed.
    #[default]
    Letter,
    /// By whoever runs the command, who has made the secret of this hash.
    InPerson(SecretHash),
}

/// Makes an owner, the first one in the transaction that founds a tenant. They join by their invitation like everybody.
pub async fn found_owner(work: &mut Work<'_>, user: UserId, invitation: &Invitation) -> Outcome<()> {
    let owner = Invitation {
        kind: UserKind::Staff,
        roles: BTreeSet::from([BuiltInRole::Owner.into()]),
        ..invitation.clone()
    };
    invite(work, user, &owner).await
}

async fn invite(work: &mut Work<'_>, user: UserId, invitation: &Invitation) -> Outcome<()> {
    let Ok(email) = EmailAddress::typed(invitation.email.as_str()) else {
        return refuse(Refusal::Invalid {
            field: "email",
            rule: "email",
        });
    };
    let name = valid_name(&invitation.name)?;
    if let UserKind::Portal { customer } = invitation.kind {
        must_exist(work, customer).await?;
    }
    must_be_switched_on(work, invitation.roles.iter()).await?;
    let id = user.to_string();
    let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
    let index = email_index(work.store(), &mut tx, &email).await?;
    tx.commit().await?;
    let to = Personal::new(email.as_str());
    let values = [(field::EMAIL, &to), (field::NAME, &name)];
    let [email, sealed_name] = Personal::seal_all(work, &id, values).await?;
    let command = Invite {
        user,
        kind: invitation.kind,
        email,
        name: sealed_name,
        roles: invitation.roles.clone(),
        permissions: effective(work, &invitation.roles).await?,
        granted_by: held(work).await?,
        at: work.at(),
    };
    work.begin::<User>(&id);
    decide::<User>(work, &id, UserCommand::Invite(Box::new(command))).await?;
    work.claim(EMAIL_SCOPE, &index, &id);
    for role in &invitation.roles {
        if let RoleKey::Own(role) = role {
            work.add_member(HOLDERS, &role.to_string(), &id, "");
        }
    }
    publish(work, user).await?;
    hand_over(work, user, (to, name), invitation.handover).await
}

/// What a person can be called.
pub(crate) fn valid_name(name: &Personal) -> Outcome<Personal> {
    let text = name.as_str().trim();
    if text.is_empty() || text.chars().count() > MAX_NAME_CHARS {
        return refuse(Refusal::Invalid {
            field: "name",
            rule: "length",
        });
    }
    Ok(Personal::new(text))
}

async fn must_exist(work: &mut Work<'_>, customer: CustomerId) -> Outcome<()> {
    use simpul_domain::customers::{Customer, customer::CustomerStatus};
    match work.load::<Customer>(&customer.to_string()).await?.status() {
        CustomerStatus::Registered { .. } => Ok(()),
        CustomerStatus::Absent | CustomerStatus::Erased { .. } => {
            refuse(Refusal::Missing { what: "customer" })
        }
    }
}

async fn hand_over(
    work: &mut Work<'_>,
    user: UserId,
    (to, name): (Personal, Personal),
    handover: Handover,
) -> Outcome<()> {
    let purpose = Purpose::Invitation;
    match handover {
        Handover::Letter => {
            let letter = (LetterKind::Invitation, SecretKind::Invitation, purpose);
            let ticketed = Ticketed {
                user,
                to,
                name,
                content: None,
            };
            send_ticket(work, letter, INVITATION_LIFETIME, ticketed).await
        }
        Handover::InPerson(hash) => {
            let expires_at = work.at() + INVITATION_LIFETIME;
            work.inline(Inline::Identity(Change::PutTicket(Ticket {
                hash,
                purpose,
                user,
                expires_at,
                content: None,
            })));
            Ok(())
        }
    }
}

/// Invites somebody.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InviteUser {
    pub invitation: Invitation,
}

impl Command for InviteUser {
    const NAME: &'static str = "user.invite";
    const ACCESS: Access = Access::permission(permission::USER_WRITE);
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let user = UserId::new(work.new_uuid());
        invite(work, user, &self.invitation).await?;
        Ok(user)
    }
}

/// Invites another owner, at the word of the platform.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InviteOwner {
    pub user: UserId,
    pub invitation: Invitation,
}

impl Command for InviteOwner {
    const NAME: &'static str = "user.invite_owner";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let email = EmailAddress::typed(self.invitation.email.as_str());
        // Somebody else may have invited them since the platform asked: an answer, and nothing that is tried again.
        if let Ok(email) = email
            && has_address(work.store(), work.tenant(), &email).await?
        {
            return refuse(UserError::AlreadyInvited.into());
        }
        // Those of before can disable the new one, if it was not they who asked for one.
        let kind = LetterKind::OwnerInvited;
        admins::tell(work, permission::USER_WRITE, kind, &News::OwnerInvited).await?;
        found_owner(work, self.user, &self.invitation).await?;
        Ok(self.user)
    }
}

/// Gives somebody who has not joined another ticket; the one before is void.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InviteAgain {
    pub user: UserId,
}

impl Command for InviteAgain {
    const NAME: &'static str = "user.invite_again";
    const ACCESS: Access = Access::permission(permission::USER_WRITE);
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        use simpul_domain::identity::UserStatus;
        match work.load::<User>(&self.user.to_string()).await?.status() {
            UserStatus::Invited => {}
            UserStatus::Absent => return refuse(UserError::NotFound.into()),
            UserStatus::Active => return refuse(UserError::AlreadyJoined.into()),
            UserStatus::Disabled { .. } => return refuse(UserError::Disabled.into()),
            UserStatus::Erased => return refuse(UserError::Erased.into()),
        }
        must_not_outrank(work, self.user).await?;
        let contact = contact(work, self.user).await?;
        hand_over(work, self.user, contact, Handover::Letter).await?;
        Ok(self.user)
    }
}

/// Accepts an invitation with a first password. Run as the user whom the ticket names.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JoinUser {
    pub ticket: SecretHash,
    /// Hash of the password.
    pub password: Personal,
}

impl Command for JoinUser {
    const NAME: &'static str = "user.join";
    const ACCESS: Access = Access {
        when_locked: true,
        ..Access::permission(permission::ACCOUNT_OWN)
    };
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
        let user = ticket::find(&mut tx, &self.ticket, Purpose::Invitation, work.at()).await?;
        tx.commit().await?;
        let Some(user) = user else {
            return refuse(Refusal::Missing { what: "invitation" });
        };
        let id = user.to_string();
        let password = self.password.seal(work, &id, field::PASSWORD).await?;
        decide::<User>(work, &id, UserCommand::Join { at: work.at() }).await?;
        let (email, _) = contact(work, user).await?;
        belong(work, user, &email).await?;
        work.inline(Inline::Identity(Change::SpendTicket { ticket: self.ticket }));
        work.inline(Inline::Identity(Change::SetPassword { user, password }));
        Ok(user)
    }
}
