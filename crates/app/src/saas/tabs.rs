//! What an operator runs up, and what it owes for too long.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    InvoiceId, Rupiah, TenantId,
    billing::Invoice,
    customers::CustomerCode,
    saas::{
        Item, Tab, TabCommand,
        tab::{OpenTab as Open, StartCharge as Start},
    },
};
use simpul_event_store::{Access, Command, Work};

use super::terms::{current, on_platform};
use crate::{Outcome, Refusal, decide, permission};

/// An operator is billed from now on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenTab {
    pub account: TenantId,
    pub code: CustomerCode,
    pub name: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What it costs, per month.
    pub plan: String,
    pub price: Rupiah,
}

impl Command for OpenTab {
    const NAME: &'static str = "saas.open_tab";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        on_platform(work)?;
        let terms = current(work).await?;
        let (id, at, opened_on) = (
            self.account.to_string(),
            work.at(),
            terms.zone.date_at(self.since),
        );
        let open = TabCommand::Open(Open {
            account: self.account,
            code: self.code.clone(),
            name: self.name.clone(),
            opened_on,
            billing_day: terms.billing_day,
            at,
        });
        decide::<Tab>(work, &id, open).await?;
        let start = TabCommand::StartCharge(Start {
            item: Item::plan(),
            label: self.plan.clone(),
            price: self.price,
            from: opened_on,
            at,
        });
        decide::<Tab>(work, &id, start).await?;
        Ok(())
    }
}

/// An item costs this from a time on. A day that was settled with an earlier bill is not opened again: what is heard too
/// late is charged from the first day that is not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartCharge {
    pub account: TenantId,
    pub item: Item,
    pub label: String,
    /// Per month.
    pub price: Rupiah,
    pub since: DateTime<Utc>,
}

impl Command for StartCharge {
    const NAME: &'static str = "saas.start_charge";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        on_platform(work)?;
        let (id, at, zone) = (self.account.to_string(), work.at(), current(work).await?.zone);
        let open_from = work.load::<Tab>(&id).await?.open_from();
        let start = TabCommand::StartCharge(Start {
            item: self.item.clone(),
            label: self.label.clone(),
            price: self.price,
            from: zone.date_at(self.since).max(open_from),
            at,
        });
        decide::<Tab>(work, &id, start).await?;
        Ok(())
    }
}

/// An item costs nothing from a time on; late news as for [`StartCharge`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EndCharge {
    pub account: TenantId,
    pub item: Item,
    pub at: DateTime<Utc>,
}

impl Command for EndCharge {
    const NAME: &'static str = "saas.end_charge";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        on_platform(work)?;
        let (id, at, zone) = (self.account.to_string(), work.at(), current(work).await?.zone);
        let open_from = work.load::<Tab>(&id).await?.open_from();
        let end = TabCommand::EndCharge {
            item: self.item.clone(),
            until: zone.date_at(self.at).max(open_from),
            at,
        };
        decide::<Tab>(work, &id, end).await?;
        Ok(())
    }
}

/// The operator's deletion is ordered: nothing is charged from that day on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SuspendTab {
    pub account: TenantId,
    pub at: DateTime<Utc>,
}

impl Command for SuspendTab {
    const NAME: &'static str = "saas.suspend_tab";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        on_platform(work)?;
        let zone = current(work).await?.zone;
        let suspend = TabCommand::Suspend {
            from: zone.date_at(self.at),
            at: work.at(),
        };
        decide::<Tab>(work, &self.account.to_string(), suspend).await?;
        Ok(())
    }
}

/// The operator is restored: charged again from that day on; late news as for [`StartCharge`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResumeTab {
    pub account: TenantId,
    pub at: DateTime<Utc>,
}

impl Command for ResumeTab {
    const NAME: &'static str = "saas.resume_tab";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        on_platform(work)?;
        let (id, at, zone) = (self.account.to_string(), work.at(), current(work).await?.zone);
        let open_from = work.load::<Tab>(&id).await?.open_from();
        let resume = TabCommand::Resume {
            from: zone.date_at(self.at).max(open_from),
            at,
        };
        decide::<Tab>(work, &id, resume).await?;
        Ok(())
    }
}

/// The operator leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CloseTab {
    pub account: TenantId,
    pub at: DateTime<Utc>,
}

impl Command for CloseTab {
    const NAME: &'static str = "saas.close_tab";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        on_platform(work)?;
        let zone = current(work).await?.zone;
        let close = TabCommand::Close {
            until: zone.date_at(self.at),
            at: work.at(),
        };
        decide::<Tab>(work, &self.account.to_string(), close).await?;
        Ok(())
    }
}

/// A bill's grace is over: noted if it still asks for money. The bill is read in the same work, so that money which
/// arrives meanwhile wins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NoteArrears {
    pub account: TenantId,
    pub invoice: InvoiceId,
}

impl Command for NoteArrears {
    const NAME: &'static str = "saas.note_arrears";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        on_platform(work)?;
        if !work.load::<Invoice>(&self.invoice.to_string()).await?.is_open() {
            return Ok(());
        }
        let note = TabCommand::NoteArrears {
            invoice: self.invoice,
            at: work.at(),
        };
        decide::<Tab>(work, &self.account.to_string(), note).await?;
        Ok(())
    }
}

/// A bill is paid or withdrawn. Whether it still is, is read here: money may have been taken back since.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClearArrears {
    pub account: TenantId,
    pub invoice: InvoiceId,
}

impl Command for ClearArrears {
    const NAME: &'static str = "saas.clear_arrears";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        on_platform(work)?;
        if work.load::<Invoice>(&self.invoice.to_string()).await?.is_open() {
            return Ok(());
        }
        let clear = TabCommand::ClearArrears {
            invoice: self.invoice,
            at: work.at(),
        };
        decide::<Tab>(work, &self.account.to_string(), clear).await?;
        Ok(())
    }
}
