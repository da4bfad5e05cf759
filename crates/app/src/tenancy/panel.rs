//! Letters about the panel: that it is locked, what opens it, and that it works again.

use simpul_domain::{
    InvoiceId, Rupiah,
    identity::LetterKind,
    saas::{Statement, StatementEvent},
};
use simpul_event_store::Work;

use crate::{
    Outcome,
    identity::{
        admins,
        letters::{News, Unpaid},
    },
    permission,
    saas::unpaid_bill,
    stream,
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

/// The bill as the tenant's own log tells it.
async fn unpaid(work: &Work<'_>, bill: InvoiceId) -> Outcome<Option<Unpaid>> {
    let events = stream::events::<Statement>(work.store(), work.tenant(), &bill.to_string()).await?;
    let mut unpaid: Option<Unpaid> = None;
    for event in events {
        match event {
            StatementEvent::Presented(presented) => {
                unpaid = Some(Unpaid {
                    number: presented.number.to_string(),
                    outstanding: presented.total,
                });
            }
            StatementEvent::PartPaid(paid) => still(&mut unpaid, paid.outstanding),
            StatementEvent::TakenBack(taken) => still(&mut unpaid, taken.outstanding),
            StatementEvent::Settled(_) | StatementEvent::Withdrawn(_) => still(&mut unpaid, Rupiah::ZERO),
            StatementEvent::PaymentRequested(_) | StatementEvent::FellOverdue(_) => {}
        }
    }
    Ok(unpaid.filter(|unpaid| unpaid.outstanding.is_positive()))
}

fn still(unpaid: &mut Option<Unpaid>, outstanding: Rupiah) {
    if let Some(unpaid) = unpaid {
        unpaid.outstanding = outstanding;
    }
}
