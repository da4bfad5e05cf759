//! News for everybody who answers for a tenant, by letter.

use chrono::TimeDelta;
use simpul_domain::identity::LetterKind;
use simpul_event_store::{Failure, StoreError, Work, inline::access};

use super::letters::{self, Content, Draft};
use crate::{Outcome, Personal, Refusal};

/// How long news is worth sending.
const LIFETIME: TimeDelta = TimeDelta::days(7);

/// Has a letter go out with this command to everybody who holds a permission. Whoever has no address any more gets none.
pub(crate) async fn everybody_who_may(
    work: &mut Work<'_>,
    permission: &'static str,
    kind: LetterKind,
    said: &str,
) -> Outcome<()> {
    let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
    let readers = access::holders(&mut tx, permission).await?;
    tx.commit().await?;
    for user in readers {
        let (to, name) = match letters::contact(work, user).await {
            Ok(contact) => contact,
            Err(Failure::Refused(Refusal::Missing { .. }) | Failure::Store(StoreError::Erased)) => continue,
            Err(error) => return Err(error),
        };
        let content = Content {
            to,
            name,
            secret: None,
            sight: Some(letters::sight(work)),
            said: Some(Personal::new(said)),
        };
        let expires_at = work.at() + LIFETIME;
        let draft = Draft {
            kind,
            user,
            content,
            expires_at,
        };
        letters::write(work, draft).await?;
    }
    Ok(())
}
