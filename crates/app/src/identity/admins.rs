//! What whoever runs the tenant is told by letter.

use chrono::TimeDelta;
use simpul_domain::identity::{LetterKind, User};
use simpul_event_store::{Work, inline::access};

use super::letters::{self, Content, Draft, News, contact, write};
use crate::Outcome;

/// How long news for admins are worth sending.
const LIFETIME: TimeDelta = TimeDelta::days(7);

/// Has a letter go out with this command to everybody who holds a permission. Whoever has no address any more gets none.
pub(crate) async fn tell(
    work: &mut Work<'_>,
    permission: &'static str,
    kind: LetterKind,
    news: &News,
) -> Outcome<()> {
    let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
    let holders = access::holders(&mut tx, permission).await?;
    tx.commit().await?;
    for user in holders {
        // Keys of machines hold permissions too.
        if work.load::<User>(&user.to_string()).await?.contact().is_none() {
            continue;
        }
        let (to, name) = contact(work, user).await?;
        let content = Content {
            to,
            name,
            secret: None,
            sight: Some(letters::sight(work)),
            news: Some(news.clone()),
        };
        let expires_at = work.at() + LIFETIME;
        let draft = Draft {
            kind,
            user,
            content,
            expires_at,
        };
        write(work, draft).await?;
    }
    Ok(())
}
