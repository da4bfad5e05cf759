//! Other passwords: by whoever knows the one before, or by whoever holds a reset secret.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    SessionId, UserId,
    identity::{EndReason, User, UserCommand, user::PasswordOrigin},
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

use super::{OWN, field, sessions::end_all};
use crate::{Outcome, Personal, Refusal, decide, refuse};

async fn set(
    work: &mut Work<'_>,
    user: UserId,
    password: &Personal,
    origin: PasswordOrigin,
    stays: Option<SessionId>,
) -> Outcome<()> {
    let id = user.to_string();
    let password = password.seal(work, &id, field::PASSWORD).await?;
    decide::<User>(
        work,
        &id,
        UserCommand::SetPassword {
            origin,
            at: work.at(),
        },
    )
    .await?;
    work.inline(Inline::Identity(Change::SetPassword { user, password }));
    work.inline(Inline::Identity(Change::DropTickets {
        user,
        purpose: Purpose::PasswordReset,
    }));
    end_all(work, user, stays, EndReason::PasswordChanged).await
}

/// Another password of one's own. Whoever asks has proved that they know the one before. Every other session ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangePassword {
    pub user: UserId,
    /// Hash of the new password.
    pub password: Personal,
    /// The session that asks; it goes on.
    pub session: Option<SessionId>,
}

impl Command for ChangePassword {
    const NAME: &'static str = "password.change";
    const ACCESS: Access = OWN;
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        set(
            work,
            self.user,
            &self.password,
            PasswordOrigin::Change,
            self.session,
        )
        .await?;
        Ok(self.user)
    }
}

/// Another password for whoever holds the reset secret. Run as the user whom it names. Every session ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResetPassword {
    pub ticket: SecretHash,
    /// Hash of the new password.
    pub password: Personal,
}

impl Command for ResetPassword {
    const NAME: &'static str = "password.reset";
    const ACCESS: Access = OWN;
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
        let user = ticket::find(&mut tx, &self.ticket, Purpose::PasswordReset, work.at()).await?;
        tx.commit().await?;
        let Some(user) = user else {
            return refuse(Refusal::Missing { what: "reset" });
        };
        work.inline(Inline::Identity(Change::SpendTicket { ticket: self.ticket }));
        set(work, user, &self.password, PasswordOrigin::Reset, None).await?;
        Ok(user)
    }
}
