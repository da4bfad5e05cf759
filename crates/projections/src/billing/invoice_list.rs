//! Bills. The projection also keeps the attempts to pay them ([`super::attempt_list`]), so that both are of one age.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use simpul_domain::{
    AnyEvent, CustomerId, Decider, InvoiceId, Rupiah, SubscriptionId, TenantId,
    billing::{
        Attempt, Invoice, InvoiceEvent, InvoiceNumber, Period,
        invoice::{Billed, InvoiceIssued, InvoiceLine, InvoiceStatus},
    },
};
use simpul_event_store::{
    JsonText, Recorded, TenantTx,
    feed::{HandlerError, Interest, OnError, Projector},
};
use sqlx::types::Uuid;

use super::attempt_list;
use crate::{
    Keyed, Position, QueryError,
    event::decode_all,
    rows::rows,
    sift::{Kind, id, sifted},
    stored::{self, checked, column, read, read_json, read_word, word},
};

/// One bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceRow {
    pub invoice: InvoiceId,
    pub number: InvoiceNumber,
    pub customer: CustomerId,
    pub billed: Billed,
    pub period: Period,
    pub lines: Vec<InvoiceLine>,
    /// Whom the platform bills, as they were called at the time of issue; none on an operator's own bills.
    pub account: Option<BilledAccount>,
    pub total: Rupiah,
    pub outstanding: Rupiah,
    /// What being late with it costs, a line of another bill; none when it was waived.
    pub late_fee: Option<Rupiah>,
    /// Business date in the zone of the bill.
    pub due_on: NaiveDate,
    pub status: InvoiceStatus,
    pub issued_at: DateTime<Utc>,
    pub overdue_at: Option<DateTime<Utc>>,
    pub paid_at: Option<DateTime<Utc>>,
    pub voided_at: Option<DateTime<Utc>>,
    pub void_reason: Option<String>,
}

/// An operator on a bill of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BilledAccount {
    pub code: String,
    pub name: Option<String>,
}

/// Which bills are wanted.
#[derive(Debug, Clone, Default)]
pub struct InvoiceFilter {
    pub status: Option<InvoiceStatus>,
    pub customer: Option<CustomerId>,
}

/// Keeps bills and attempts. Totals halt rather than pass over an event.
#[derive(Debug, Clone, Copy, Default)]
pub struct InvoiceListProjector;

type Bills = BTreeMap<InvoiceId, (InvoiceRow, Terms)>;

impl Projector for InvoiceListProjector {
    const NAME: &'static str = "invoices";
    const ON_ERROR: OnError = OnError::Halt;

    fn interest(&self) -> Interest {
        Interest::Types(&[Invoice::TYPE, Attempt::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events = decode_all(events)?;
        let (mut invoices, mut attempts) = (Vec::new(), Vec::new());
        for (_, event) in &events {
            match event {
                AnyEvent::Invoice(event) => invoices.push(event),
                AnyEvent::Attempt(event) => attempts.push(event),
                _ => {}
            }
        }
        if !invoices.is_empty() {
            let ids = column(&invoices, |event| invoice_of(event).as_uuid());
            let found = with_terms(tx, &ids).await?;
            let mut bills: Bills = found.into_iter().map(|bill| (bill.0.invoice, bill)).collect();
            for event in invoices {
                apply(&mut bills, event);
            }
            store(tx, &bills.into_values().collect::<Vec<_>>()).await?;
        }
        attempt_list::project(tx, &attempts).await
    }
}

fn invoice_of(event: &InvoiceEvent) -> InvoiceId {
    match event {
        InvoiceEvent::Issued(event) => event.invoice,
        InvoiceEvent::Reminded(event) => event.invoice,
        InvoiceEvent::FellOverdue(event) => event.invoice,
        InvoiceEvent::PaymentApplied(event) => event.invoice,
        InvoiceEvent::CreditApplied(event) => event.invoice,
        InvoiceEvent::Paid(event) => event.invoice,
        InvoiceEvent::Voided(event) => event.invoice,
        InvoiceEvent::PaymentTakenBack(event) => event.invoice,
        InvoiceEvent::CreditTakenBack(event) => event.invoice,
        InvoiceEvent::Reopened(event) => event.invoice,
        InvoiceEvent::LateFeeCharged(event) => event.invoice,
        InvoiceEvent::LateFeeBilled(event) => event.invoice,
        InvoiceEvent::LateFeeReturned(event) => event.invoice,
        InvoiceEvent::LateFeeWaived(event) => event.invoice,
    }
}

fn apply(bills: &mut Bills, event: &InvoiceEvent) {
    if let InvoiceEvent::Issued(issued) = event {
        bills.insert(issued.invoice, (issued_row(issued), Terms::of(issued)));
        return;
    }
    let Some((row, _)) = bills.get_mut(&invoice_of(event)) else {
        return;
    };
    match event {
        InvoiceEvent::Issued(_) | InvoiceEvent::Reminded(_) => {}
        InvoiceEvent::LateFeeCharged(charged) => row.late_fee = Some(charged.amount),
        InvoiceEvent::LateFeeBilled(billed) => row.late_fee = Some(billed.amount),
        InvoiceEvent::LateFeeReturned(returned) => row.late_fee = Some(returned.amount),
        InvoiceEvent::LateFeeWaived(_) => row.late_fee = None,
        InvoiceEvent::FellOverdue(overdue) => {
            row.status = InvoiceStatus::Overdue;
            row.overdue_at = Some(overdue.at);
        }
        InvoiceEvent::PaymentApplied(applied) => part_paid(row, applied.outstanding),
        InvoiceEvent::CreditApplied(applied) => part_paid(row, applied.outstanding),
        InvoiceEvent::Paid(paid) => {
            row.status = InvoiceStatus::Paid;
            row.outstanding = Rupiah::ZERO;
            row.paid_at = Some(paid.at);
        }
        InvoiceEvent::Voided(voided) => {
            row.status = InvoiceStatus::Void;
            row.outstanding = Rupiah::ZERO;
            row.voided_at = Some(voided.at);
            row.void_reason = Some(voided.reason.clone());
        }
        InvoiceEvent::PaymentTakenBack(taken) => owe_again(row, taken.outstanding),
        InvoiceEvent::CreditTakenBack(taken) => owe_again(row, taken.outstanding),
        InvoiceEvent::Reopened(reopened) => {
            row.status = InvoiceStatus::PartiallyPaid;
            row.paid_at = None;
            owe_again(row, reopened.outstanding);
        }
    }
}

fn part_paid(row: &mut InvoiceRow, outstanding: Rupiah) {
    row.outstanding = outstanding;
    if row.status == InvoiceStatus::Issued {
        row.status = InvoiceStatus::PartiallyPaid;
    }
}

fn owe_again(row: &mut InvoiceRow, outstanding: Rupiah) {
    row.outstanding = outstanding;
    if row.status == InvoiceStatus::PartiallyPaid && outstanding == row.total {
        row.status = InvoiceStatus::Issued;
    }
}

fn issued_row(issued: &InvoiceIssued) -> InvoiceRow {
    InvoiceRow {
        invoice: issued.invoice,
        number: issued.number.clone(),
        customer: issued.customer,
        billed: issued.billed,
        period: issued.period,
        lines: issued.lines.clone(),
        account: issued.billed.account().map(|_| BilledAccount {
            code: issued.snapshot.customer_code.as_str().to_owned(),
            name: issued.snapshot.account_name.clone(),
        }),
        total: issued.total,
        outstanding: issued.total,
        late_fee: None,
        due_on: issued.due_on,
        status: InvoiceStatus::Issued,
        issued_at: issued.at,
        overdue_at: None,
        paid_at: None,
        voided_at: None,
        void_reason: None,
    }
}

rows! {
    table: "invoices", key: "invoice_id", newest: "issued_at",
    columns: r#"invoice_id, number, customer_id, subscription_id, account_id, period_from, period_until,
                lines AS "lines: JsonText", total, outstanding, late_fee, due_on, status, issued_at, overdue_at, paid_at,
                voided_at, void_reason, CASE WHEN account_id IS NOT NULL THEN snapshot->>'customer_code' END AS account_code,
                CASE WHEN account_id IS NOT NULL THEN snapshot->>'account_name' END AS account_name"#,
    InvoiceRow = |row| InvoiceRow {
        invoice: InvoiceId::new(row.invoice_id),
        number: read_word("number", &row.number)?,
        customer: CustomerId::new(row.customer_id),
        billed: billed(row.subscription_id, row.account_id)?,
        period: checked("period", Period::try_new(row.period_from, row.period_until))?,
        lines: read_json("lines", &row.lines)?,
        account: row.account_code.map(|code| BilledAccount {
            code,
            name: row.account_name,
        }),
        total: read("total", row.total)?,
        outstanding: read("outstanding", row.outstanding)?,
        late_fee: row.late_fee.map(|fee| read("late_fee", fee)).transpose()?,
        due_on: row.due_on,
        status: read_word("status", &row.status)?,
        issued_at: row.issued_at,
        overdue_at: row.overdue_at,
        paid_at: row.paid_at,
        voided_at: row.voided_at,
        void_reason: row.void_reason,
    },
    page:
        /// Bills that pass the filter, newest first.
        pub fn list(filter: &InvoiceFilter) where
        "($5::text IS NULL OR status = $5) AND ($6::uuid IS NULL OR customer_id = $6)"
        [filter.status.as_ref().map(word), filter.customer.map(CustomerId::as_uuid)],
    one by "invoice_id": fn by_id,
    with r#"snapshot AS "snapshot: JsonText", currency, zone"#,
    Terms = Terms {
        snapshot: row.snapshot,
        currency: row.currency,
        zone: row.zone,
    },
    by "invoice_id": fn with_terms,
}

sifted! {
    "invoices" by "invoice_id" as InvoiceRow = |row| row.invoice.as_uuid(), newest: ISSUED_AT,
    all: list(&InvoiceFilter::default()),
    STATUS = "status": Kind::Text,
    CUSTOMER = "customer_id": id!(CustomerId),
    SUBSCRIPTION = "subscription_id": id!(SubscriptionId),
    ACCOUNT = "account_id": id!(TenantId),
    ACCOUNT_CODE = "snapshot->>'customer_code'": Kind::Text,
    ACCOUNT_NAME = "snapshot->>'account_name'": Kind::Text,
    NUMBER = "number": Kind::Text,
    TOTAL = "total": Kind::Number,
    OUTSTANDING = "outstanding": Kind::Number,
    DUE_ON = "due_on": Kind::Date,
    ISSUED_AT = "issued_at": Kind::Instant,
}

/// INVARIANT: one of both is there (`invoices_billed_check`).
fn billed(subscription: Option<Uuid>, account: Option<Uuid>) -> Result<Billed, QueryError> {
    let line = subscription.map(|id| Billed::Subscription(SubscriptionId::new(id)));
    let found = line.or_else(|| account.map(|id| Billed::Account(TenantId::new(id))));
    checked("billed", found.ok_or("nobody is billed"))
}

/// What a bill says for ever and lists do not show.
struct Terms {
    snapshot: JsonText,
    currency: String,
    zone: String,
}

impl Terms {
    fn of(issued: &InvoiceIssued) -> Self {
        Self {
            snapshot: stored::json(&issued.snapshot).into(),
            currency: word(&issued.currency),
            zone: word(&issued.zone),
        }
    }
}

async fn store(tx: &mut TenantTx, bills: &[(InvoiceRow, Terms)]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO invoices (tenant_id, invoice_id, number, customer_id, subscription_id, account_id, period_from,
             period_until, lines, snapshot, total, outstanding, currency, due_on, zone, status, issued_at, overdue_at, paid_at,
             voided_at, void_reason, late_fee)
         SELECT $1, i.* FROM UNNEST($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::date[], $8::date[],
             $9::jsonb[], $10::jsonb[], $11::bigint[], $12::bigint[], $13::text[], $14::date[], $15::text[], $16::text[],
             $17::timestamptz[], $18::timestamptz[], $19::timestamptz[], $20::timestamptz[], $21::text[], $22::bigint[]) AS i
         ON CONFLICT ON CONSTRAINT invoices_pkey DO UPDATE SET
             (outstanding, status, overdue_at, paid_at, voided_at, void_reason, late_fee)
             = ROW (excluded.outstanding, excluded.status, excluded.overdue_at, excluded.paid_at, excluded.voided_at,
                    excluded.void_reason, excluded.late_fee)",
        tenant.as_uuid(),
        &column(bills, |(row, _)| row.invoice.as_uuid()),
        &column(bills, |(row, _)| row.number.as_str()) as &[&str],
        &column(bills, |(row, _)| row.customer.as_uuid()),
        &column(bills, |(row, _)| row.billed.subscription().map(SubscriptionId::as_uuid)) as &[Option<Uuid>],
        &column(bills, |(row, _)| row.billed.account().map(TenantId::as_uuid)) as &[Option<Uuid>],
        &column(bills, |(row, _)| row.period.from()),
        &column(bills, |(row, _)| row.period.until()),
        &column(bills, |(row, _)| stored::json(&row.lines)) as &[Value],
        &column(bills, |(_, terms)| terms.snapshot.value()) as &[Value],
        &column(bills, |(row, _)| row.total.get()),
        &column(bills, |(row, _)| row.outstanding.get()),
        &column(bills, |(_, terms)| terms.currency.as_str()) as &[&str],
        &column(bills, |(row, _)| row.due_on),
        &column(bills, |(_, terms)| terms.zone.as_str()) as &[&str],
        &column(bills, |(row, _)| word(&row.status)),
        &column(bills, |(row, _)| row.issued_at),
        &column(bills, |(row, _)| row.overdue_at) as &[Option<DateTime<Utc>>],
        &column(bills, |(row, _)| row.paid_at) as &[Option<DateTime<Utc>>],
        &column(bills, |(row, _)| row.voided_at) as &[Option<DateTime<Utc>>],
        &column(bills, |(row, _)| row.void_reason.as_deref()) as &[Option<&str>],
        &column(bills, |(row, _)| row.late_fee.map(Rupiah::get)) as &[Option<i64>],
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Keyed for InvoiceRow {
    fn position(&self) -> Position {
        Position {
            at: self.issued_at,
            id: self.invoice.as_uuid(),
        }
    }
}

/// One invoice, if it is this customer's.
pub async fn of_customer(
    tx: &mut TenantTx,
    customer: CustomerId,
    invoice: InvoiceId,
) -> Result<Option<InvoiceRow>, QueryError> {
    let found = by_id(tx, &[invoice.as_uuid()]).await?.pop();
    Ok(found.filter(|row| row.customer == customer))
}

/// Bills by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[InvoiceId]) -> Result<Vec<InvoiceRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}
