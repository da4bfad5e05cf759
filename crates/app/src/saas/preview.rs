//! What another plan would change of an operator's next bill: the days of before and those of after, as they would be settled.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use simpul_domain::{
    Decider as _, Rupiah, TenantId,
    billing::invoice::InvoiceLine,
    policy::Intent,
    saas::{
        Tab, TabCommand, TabEvent,
        meter::{self, Reading},
        tab::BillPeriod,
    },
};
use simpul_event_store::{Access, Command, Failure, StoreError, Work};

use super::{
    StartCharge,
    terms::{current, on_platform},
};
use crate::{
    Outcome, Refusal,
    platform::{ChangeTerms, Terms},
    refuse,
};

/// The next bill of an operator, as it would be if nothing more happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextBill {
    /// First day of the period that it bills.
    pub on: NaiveDate,
    pub lines: Vec<InvoiceLine>,
    pub total: Rupiah,
    /// What remains to be given back with the bill after it.
    pub carried: Rupiah,
}

/// The next bill as things are, and with the other plan; nothing of an operator that is not billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanChangePreview {
    pub without: Option<NextBill>,
    pub with: Option<NextBill>,
}

/// Asks what another plan would cost. Only as a dry run: it decides what the change and its policy would, and appends nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PreviewPlanChange {
    pub change: ChangeTerms,
}

impl Command for PreviewPlanChange {
    const NAME: &'static str = "account.preview_plan";
    const ACCESS: Access = ChangeTerms::ACCESS;
    type Answer = PlanChangePreview;
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        self.change.version(work).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<PlanChangePreview> {
        on_platform(work)?;
        let ChangeTerms { tenant, terms } = &self.change;
        if !work.context().dry_run || !matches!(terms, Terms::Plan { .. }) {
            return refuse(Refusal::Unusable { what: "preview" });
        }
        let without = next_bill(work, *tenant).await?;
        for event in self.change.decide(work).await? {
            for intent in meter::react(&event) {
                hear(work, intent).await?;
            }
        }
        let with = next_bill(work, *tenant).await?;
        Ok(PlanChangePreview { without, with })
    }
}

/// What the policy would tell the tab.
async fn hear(work: &mut Work<'_>, intent: Intent) -> Outcome<()> {
    let Intent::Meter {
        account,
        at: since,
        reading: Reading::Start { item, label, price },
    } = intent
    else {
        return Ok(());
    };
    let start = StartCharge {
        account,
        item,
        label,
        price,
        since,
    };
    start.run(work).await
}

/// On the day on which it is due, whatever day it is.
async fn next_bill(work: &mut Work<'_>, account: TenantId) -> Outcome<Option<NextBill>> {
    let terms = current(work).await?;
    let at = work.at();
    let tab = work.load::<Tab>(&account.to_string()).await?;
    let bill = TabCommand::BillPeriod(BillPeriod {
        today: tab.next_on(),
        billing_day: terms.billing_day,
        tax: terms.tax,
        at,
    });
    let refused = |error: simpul_domain::saas::TabError| Failure::Refused(error.into());
    for event in tab.decide(bill).map_err(refused)? {
        if let TabEvent::PeriodBilled(billed) = event {
            let amounts = billed.lines.iter().map(|line| line.amount);
            return Ok(Some(NextBill {
                on: billed.period.from(),
                total: Rupiah::sum(amounts).map_err(crate::refused)?,
                lines: billed.lines,
                carried: billed.carried,
            }));
        }
    }
    Ok(None)
}
