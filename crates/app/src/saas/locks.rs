//! The panel of an operator that does not pay. Locked and opened by the account, as a super admin does it; what follows in
//! the operator's own log is the account's affair.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    InvoiceId, TenantId,
    platform::{Account, AccountCommand},
    saas::Tab,
};
use simpul_event_store::{Access, Command, Work};

use super::terms::on_platform;
use crate::{Outcome, Refusal, decide, permission};

/// How the reason of our locks begins; a lock for another reason is left alone.
const REASON: &str = "unpaid bill";

/// The bill that a panel is locked for; none when it is locked for another reason.
pub(crate) fn unpaid_bill(reason: &str) -> Option<InvoiceId> {
    reason.strip_prefix(REASON)?.trim().parse().ok()
}

/// Locks the panel while a bill is in arrears. One that is locked already stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LockForArrears {
    pub account: TenantId,
    pub invoice: InvoiceId,
}

impl Command for LockForArrears {
    const NAME: &'static str = "saas.lock_panel";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        on_platform(work)?;
        let id = self.account.to_string();
        // Money may have arrived since the wish.
        let unpaid = work.load::<Tab>(&id).await?.arrears().contains(&self.invoice);
        if !unpaid || work.load::<Account>(&id).await?.panel_lock().is_some() {
            return Ok(());
        }
        let command = AccountCommand::LockPanel {
            reason: format!("{REASON} {}", self.invoice),
            at: work.at(),
        };
        decide::<Account>(work, &id, command).await?;
        Ok(())
    }
}

/// Opens a panel that was locked for an unpaid bill, once there is none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnlockAfterArrears {
    pub account: TenantId,
}

impl Command for UnlockAfterArrears {
    const NAME: &'static str = "saas.unlock_panel";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        on_platform(work)?;
        let (id, at) = (self.account.to_string(), work.at());
        let settled = work.load::<Tab>(&id).await?.arrears().is_empty();
        let lock = work.load::<Account>(&id).await?.panel_lock();
        if settled && lock.is_some_and(|reason| reason.starts_with(REASON)) {
            decide::<Account>(work, &id, AccountCommand::UnlockPanel { at }).await?;
        }
        Ok(())
    }
}
