//! Another address to sign in with: it counts once its holder has shown that letters arrive there.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    UserId,
    identity::{EmailAddress, LetterKind, User, UserCommand, UserError, UserStatus},
};
use simpul_event_store::{
    Access, Command, Work,
    inline::{
        Inline,
        identity::{
            Change, SecretHash,
            ticket::{self, Purpose},
        },
    },
};

use super::{
    OWN,
    access::{EMAIL_SCOPE, email_index},
    belonging::{belong, part},
    field,
    letters::{self, Content, Draft, Ticketed, contact, send_ticket},
    rules,
    secret::SecretKind,
};
use crate::{Outcome, Personal, Refusal, decide, refuse};

/// Has a ticket sent to the new address. Whoever asks has proved that they know the password. Whether somebody has the
/// address is not told: that would tell a customer who the others are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RequestEmailChange {
    pub user: UserId,
    /// As typed.
    pub email: Personal,
}

impl Command for RequestEmailChange {
    const NAME: &'static str = "email_change.request";
    const ACCESS: Access = OWN;
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let Ok(email) = EmailAddress::typed(self.email.as_str()) else {
            return refuse(Refusal::Invalid {
                field: "email",
                rule: "email",
            });
        };
        let id = self.user.to_string();
        if work.load::<User>(&id).await?.status() != UserStatus::Active {
            return refuse(UserError::NotJoined.into());
        }
        let (_, name) = contact(work, self.user).await?;
        let to = Personal::new(email.as_str());
        let ticketed = Ticketed {
            user: self.user,
            content: Some(to.seal(work, &id, field::NEW_EMAIL).await?),
            to,
            name,
        };
        let letter = (
            LetterKind::EmailChange,
            SecretKind::EmailChange,
            Purpose::EmailChange,
        );
        send_ticket(work, letter, letters::EMAIL_CHANGE_LIFETIME, ticketed).await?;
        Ok(self.user)
    }
}

/// The ticket came back: the address counts, and the one before is told. Run as the user whom the ticket names.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConfirmEmailChange {
    pub ticket: SecretHash,
}

impl Command for ConfirmEmailChange {
    const NAME: &'static str = "email_change.confirm";
    const ACCESS: Access = OWN;
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
        let user = ticket::find(&mut tx, &self.ticket, Purpose::EmailChange, work.at()).await?;
        let sealed = ticket::content(&mut tx, &self.ticket).await?;
        tx.commit().await?;
        let Some((user, sealed)) = user.zip(sealed) else {
            return refuse(Refusal::Missing { what: "ticket" });
        };
        let id = user.to_string();
        let (before, name) = contact(work, user).await?;
        let (store, tenant) = (work.store(), work.tenant());
        let after = Personal::open(store, tenant, (&id, field::NEW_EMAIL), &sealed).await?;
        let command = UserCommand::ChangeEmail {
            email: after.seal(work, &id, field::EMAIL).await?,
            at: work.at(),
        };
        decide::<User>(work, &id, command).await?;
        work.inline(Inline::Identity(Change::SpendTicket { ticket: self.ticket }));
        if before != after {
            let (old, new) = (index(work, &before).await?, index(work, &after).await?);
            work.release(EMAIL_SCOPE, &old);
            work.claim(EMAIL_SCOPE, &new, &id);
            part(work, user, &before).await?;
            belong(work, user, &after).await?;
            warn(work, user, before, name).await?;
        }
        Ok(user)
    }
}

async fn index(work: &Work<'_>, email: &Personal) -> Outcome<String> {
    let Ok(email) = EmailAddress::typed(email.as_str()) else {
        return Err(crate::corrupt());
    };
    let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
    let index = email_index(work.store(), &mut tx, &email).await?;
    tx.commit().await?;
    Ok(index)
}

/// Whoever reads the letters of the address before learns that it is no name to sign in with any more.
async fn warn(work: &mut Work<'_>, user: UserId, to: Personal, name: Personal) -> Outcome<()> {
    if !rules::terms(work).await?.warns_of_new_address {
        return Ok(());
    }
    let draft = Draft {
        kind: LetterKind::EmailChanged,
        user,
        content: Content {
            to,
            name,
            secret: None,
            sight: Some(letters::sight(work)),
            news: None,
        },
        expires_at: work.at() + letters::WARNING_LIFETIME,
    };
    letters::write(work, draft).await
}
