//! The end of a user's personal data (UU 27/2022): their key is destroyed, and with it their name and address wherever
//! they are stored. What they did stays, by their id, so that every answer can still be explained.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    UserId,
    identity::{EmailAddress, EndReason, User, UserCommand, UserEvent},
};
use simpul_event_store::{
    Access, Command, Work,
    inline::{Inline, identity::Change},
};

use super::{
    access::{EMAIL_SCOPE, email_index},
    api_keys::revoke_all,
    belonging::part,
    letters::contact,
    roles::reachable,
    sessions::end_all,
};
use crate::{Outcome, Refusal, decide, permission};

/// Erases somebody who is disabled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EraseUser {
    pub user: UserId,
}

impl Command for EraseUser {
    const NAME: &'static str = "user.erase";
    const ACCESS: Access = Access::permission(permission::USER_WRITE);
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let (id, at) = (self.user.to_string(), work.at());
        // Whoever is disabled may do nothing, and is still not to be erased by those who may do less.
        reachable(work, self.user).await?;
        let is_known = work.load::<User>(&id).await?.contact().is_some();
        let contact = if is_known {
            Some(contact(work, self.user).await?)
        } else {
            None
        };
        let events = decide::<User>(work, &id, UserCommand::Erase { at }).await?;
        if !events.iter().any(|event| matches!(event, UserEvent::Erased(_))) {
            return Ok(self.user);
        }
        if let Some((email, _)) = &contact {
            part(work, self.user, email).await?;
        }
        if let Some(Ok(email)) = contact.map(|(email, _)| EmailAddress::typed(email.as_str())) {
            let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
            let index = email_index(work.store(), &mut tx, &email).await?;
            tx.commit().await?;
            work.release(EMAIL_SCOPE, &index);
        }
        end_all(work, self.user, None, EndReason::UserDisabled).await?;
        revoke_all(work, self.user).await?;
        work.inline(Inline::Identity(Change::Forget { user: self.user }));
        work.inline(Inline::DestroyKey { subject: id });
        Ok(self.user)
    }
}
