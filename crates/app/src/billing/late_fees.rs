//! Late fees: reckoned when the grace of a bill is over, billed with the line's next bill, given up with a reason.
//!
//! INVARIANT: a fee becomes a line in the unit of work that says so on the late bill, so that it is asked for once.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    InvoiceId, Rupiah, SubscriptionId,
    billing::{
        Invoice, InvoiceCommand, InvoiceEvent, InvoiceNumber,
        invoice::{Billed, InvoiceLine, LateFee, LineKind},
    },
    tenancy::Language,
};
use simpul_event_store::{Access, Command, Work};

use crate::{Outcome, Refusal, corrupt, decide, permission, refuse, refused, tenancy};

/// Scope of the set of late bills whose fee waits, by line.
const WAITING: &str = "late_fees.waiting";
/// Scope of the set of late bills whose fee stands on a bill, by that bill.
const BILLED: &str = "late_fees.billed";

/// A fee that waits for a bill.
#[derive(Debug)]
pub(super) struct Fee {
    invoice: InvoiceId,
    number: InvoiceNumber,
    amount: Rupiah,
}

impl Fee {
    /// As it stands on the bill. It is no price: no tax is on it.
    pub(super) fn line(&self, language: Language) -> InvoiceLine {
        let word = match language {
            Language::Id => "Denda keterlambatan",
            Language::En => "Late fee",
        };
        InvoiceLine {
            kind: LineKind::LateFee,
            description: format!("{word} {}", self.number),
            amount: self.amount,
        }
    }
}

/// Reads which fees wait for these lines.
pub(super) async fn read_ahead(work: &mut Work<'_>, lines: &[String]) -> Outcome<()> {
    work.members_ahead(WAITING, lines).await?;
    Ok(())
}

/// The fees that wait for the line's next bill.
pub(super) async fn waiting(work: &mut Work<'_>, line: SubscriptionId) -> Outcome<Vec<Fee>> {
    let mut fees = Vec::new();
    for member in work.members(WAITING, &line.to_string()).await? {
        let invoice: InvoiceId = member.parse().map_err(|_| corrupt())?;
        let late = work.load::<Invoice>(&member).await?;
        if let (LateFee::Waiting(amount), Some(number)) = (late.late_fee(), late.number()) {
            fees.push(Fee {
                invoice,
                number: number.clone(),
                amount,
            });
        }
    }
    Ok(fees)
}

/// They stand on this bill.
pub(super) async fn bill(
    work: &mut Work<'_>,
    line: SubscriptionId,
    fees: &[Fee],
    on: InvoiceId,
) -> Outcome<()> {
    let at = work.at();
    for fee in fees {
        let id = fee.invoice.to_string();
        decide::<Invoice>(work, &id, InvoiceCommand::BillLateFee { on, at }).await?;
        work.drop_member(WAITING, &line.to_string(), &id);
        work.add_member(BILLED, &on.to_string(), &id, &id);
    }
    Ok(())
}

/// The bill is withdrawn: fees that stood on it wait for the next one, and nothing is asked for its own lateness.
pub(super) async fn give_back(work: &mut Work<'_>, withdrawn: InvoiceId) -> Outcome<()> {
    let at = work.at();
    let id = withdrawn.to_string();
    let bill = work.load::<Invoice>(&id).await?;
    let Some(line) = bill.billed().and_then(Billed::subscription) else {
        return Ok(());
    };
    if let LateFee::Waiting(_) = bill.late_fee() {
        let reason = "the bill is withdrawn".to_owned();
        decide::<Invoice>(work, &id, InvoiceCommand::WaiveLateFee { reason, at }).await?;
        work.drop_member(WAITING, &line.to_string(), &id);
    }
    for late in work.members(BILLED, &id).await? {
        let command = InvoiceCommand::ReturnLateFee { from: withdrawn, at };
        if !decide::<Invoice>(work, &late, command).await?.is_empty() {
            work.add_member(WAITING, &line.to_string(), &late, &late);
        }
        work.drop_member(BILLED, &id, &late);
    }
    Ok(())
}

/// The grace of a bill is over. That it still asks for money, and what the operator asks for being late, is read here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChargeLateFee {
    pub invoice: InvoiceId,
}

impl Command for ChargeLateFee {
    const NAME: &'static str = "invoice.charge_late_fee";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let settings = tenancy::settings(work).await?;
        let Some(fee) = settings.dunning.late_fee else {
            return Ok(());
        };
        let id = self.invoice.to_string();
        let bill = work.load::<Invoice>(&id).await?;
        let Some(line) = bill.billed().and_then(Billed::subscription) else {
            return Ok(());
        };
        if !bill.is_open() {
            return Ok(());
        }
        let amount = fee
            .of(bill.outstanding(), settings.invoicing.rounding_unit)
            .map_err(refused)?;
        let at = work.at();
        let events = decide::<Invoice>(work, &id, InvoiceCommand::ChargeLateFee { amount, at }).await?;
        if events
            .iter()
            .any(|event| matches!(event, InvoiceEvent::LateFeeCharged(_)))
        {
            work.add_member(WAITING, &line.to_string(), &id, &at.to_rfc3339());
        }
        Ok(())
    }
}

/// Gives up the late fee of a bill, as long as no other bill asks for it (U071).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WaiveLateFee {
    pub invoice: InvoiceId,
    pub reason: String,
}

impl Command for WaiveLateFee {
    const NAME: &'static str = "invoice.waive_late_fee";
    const ACCESS: Access = Access::permission(permission::BILLING_WRITE);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let id = self.invoice.to_string();
        let Some(billed) = work.load::<Invoice>(&id).await?.billed() else {
            return refuse(Refusal::Missing { what: "invoice" });
        };
        let (reason, at) = (self.reason.clone(), work.at());
        decide::<Invoice>(work, &id, InvoiceCommand::WaiveLateFee { reason, at }).await?;
        if let Some(line) = billed.subscription() {
            work.drop_member(WAITING, &line.to_string(), &id);
        }
        Ok(())
    }
}
