//! Second factors: offered, proved once, and from then on asked for.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    UserId,
    identity::{User, UserCommand},
};
use simpul_event_store::{
    Access, Command, Work,
    inline::{
        Inline,
        identity::{Change, SecretHash, credential},
    },
};

use super::{OWN, access::must_not_outrank, field};
use crate::{Outcome, Personal, Refusal, decide, permission, refuse};

/// Keeps a secret that does not count before a code of it was shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OfferSecondFactor {
    pub user: UserId,
    #[serde(skip)]
    pub secret: Option<Personal>,
}

impl Command for OfferSecondFactor {
    const NAME: &'static str = "second_factor.offer";
    const ACCESS: Access = OWN;
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let id = self.user.to_string();
        decide::<User>(work, &id, UserCommand::BeginSecondFactor).await?;
        if let Some(secret) = &self.secret {
            let secret = secret.seal(work, &id, field::TOTP).await?;
            work.inline(Inline::Identity(Change::OfferTotp {
                user: self.user,
                secret,
            }));
        }
        Ok(self.user)
    }
}

/// A code of the offered secret was shown: it counts from now on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConfirmSecondFactor {
    pub user: UserId,
    /// Of the code that was shown; it is not good again.
    pub step: i64,
    #[serde(skip)]
    pub recovery: Vec<SecretHash>,
}

impl Command for ConfirmSecondFactor {
    const NAME: &'static str = "second_factor.confirm";
    const ACCESS: Access = OWN;
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let id = self.user.to_string();
        let at = work.at();
        if !decide::<User>(work, &id, UserCommand::ConfirmSecondFactor { at })
            .await?
            .is_empty()
        {
            work.inline(Inline::Identity(Change::ConfirmTotp {
                user: self.user,
                step: self.step,
                recovery: self.recovery.clone(),
            }));
        }
        Ok(self.user)
    }
}

/// A password is enough again. Whoever asks has shown a code.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoveSecondFactor {
    pub user: UserId,
}

impl Command for RemoveSecondFactor {
    const NAME: &'static str = "second_factor.remove";
    const ACCESS: Access = OWN;
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        remove(work, self.user).await
    }
}

/// For whoever has lost the second factor and the recovery codes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResetSecondFactor {
    pub user: UserId,
}

impl Command for ResetSecondFactor {
    const NAME: &'static str = "second_factor.reset";
    const ACCESS: Access = Access::permission(permission::USER_WRITE);
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        must_not_outrank(work, self.user).await?;
        remove(work, self.user).await
    }
}

async fn remove(work: &mut Work<'_>, user: UserId) -> Outcome<UserId> {
    let at = work.at();
    decide::<User>(work, &user.to_string(), UserCommand::RemoveSecondFactor { at }).await?;
    work.inline(Inline::Identity(Change::DropTotp { user }));
    Ok(user)
}

/// A recovery code stands in for the second factor, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UseRecoveryCode {
    pub user: UserId,
    pub code: SecretHash,
}

impl Command for UseRecoveryCode {
    const NAME: &'static str = "second_factor.recover";
    const ACCESS: Access = OWN;
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
        let known = credential::has_recovery(&mut tx, self.user, &self.code).await?;
        let codes = credential::read(&mut tx, self.user).await?.recovery_codes;
        tx.commit().await?;
        if !known {
            return refuse(Refusal::Missing {
                what: "recovery code",
            });
        }
        let command = UserCommand::UseRecoveryCode {
            left: u32::try_from(codes.saturating_sub(1)).unwrap_or(u32::MAX),
            at: work.at(),
        };
        decide::<User>(work, &self.user.to_string(), command).await?;
        work.inline(Inline::Identity(Change::SpendRecovery {
            user: self.user,
            code: self.code,
        }));
        Ok(self.user)
    }
}
