//! Letters about the panel: that it is locked, what opens it, and that it works again.

use simpul_domain::identity::LetterKind;
use simpul_event_store::Work;

use crate::{
    Outcome,
    identity::{admins, letters::News},
    permission,
    saas::{unpaid, unpaid_bill},
};

/// Tells whoever may pay the platform that the panel is locked.
pub(super) async fn tell_locked(work: &mut Work<'_>, reason: &str) -> Outcome<()> {
    let unpaid = match unpaid_bill(reason) {
        Some(bill) => unpaid(work, bill).await?,
        None => None,
    };
    let news = News::PanelLocked {
        reason: reason.to_owned(),
        unpaid,
    };
    admins::tell(work, permission::TENANT_BILLING, LetterKind::PanelLocked, &news).await
}

/// Tells the same people that the panel works again.
pub(super) async fn tell_unlocked(work: &mut Work<'_>) -> Outcome<()> {
    let news = News::PanelUnlocked;
    admins::tell(work, permission::TENANT_BILLING, LetterKind::PanelUnlocked, &news).await
}
