//! An operator's statements: what the platform asked it for, from its own log.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use simpul_domain::{
    AnyEvent, Decider as _, InvoiceId, Rupiah,
    billing::{InvoiceNumber, Period, invoice::InvoiceLine},
    saas::{Statement, StatementEvent, statement::StatementPresented},
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, OnError, Projector},
};

use crate::{
    Keyed, Position, QueryError,
    event::decode_all,
    rows::rows,
    stored::{self, column, read, word},
};

/// Where a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StatementState {
    Open,
    Overdue,
    Settled,
    Withdrawn,
}

/// One bill of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRow {
    pub invoice: InvoiceId,
    pub number: InvoiceNumber,
    pub period: Period,
    pub lines: Vec<InvoiceLine>,
    pub total: Rupiah,
    pub outstanding: Rupiah,
    pub due_on: NaiveDate,
    pub state: StatementState,
    pub issued_at: DateTime<Utc>,
    pub overdue_at: Option<DateTime<Utc>>,
    pub settled_at: Option<DateTime<Utc>>,
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// When somebody last asked to pay it.
    pub requested_at: Option<DateTime<Utc>>,
}

/// Keeps statements. What is owed halts rather than pass over an event.
#[derive(Debug, Clone, Copy, Default)]
pub struct StatementListProjector;

type Rows = BTreeMap<InvoiceId, StatementRow>;

impl Projector for StatementListProjector {
    const NAME: &'static str = "statements";
    const ON_ERROR: OnError = OnError::Halt;

    fn interest(&self) -> Interest {
        Interest::Types(&[Statement::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let decoded = decode_all(events)?;
        let statements: Vec<&StatementEvent> = decoded
            .iter()
            .filter_map(|(_, event)| match event {
                AnyEvent::SaasStatement(event) => Some(event),
                _ => None,
            })
            .collect();
        let ids = column(&statements, |event| invoice_of(event).as_uuid());
        let found = by_invoice(tx, &ids).await?;
        let mut rows: Rows = found.into_iter().map(|row| (row.invoice, row)).collect();
        for event in statements {
            apply(&mut rows, event);
        }
        store(tx, &rows.into_values().collect::<Vec<_>>()).await
    }
}

const fn invoice_of(event: &StatementEvent) -> InvoiceId {
    match event {
        StatementEvent::Presented(event) => event.invoice,
        StatementEvent::PaymentRequested(event) => event.invoice,
        StatementEvent::PartPaid(event) => event.invoice,
        StatementEvent::FellOverdue(event) => event.invoice,
        StatementEvent::Settled(event) => event.invoice,
        StatementEvent::Withdrawn(event) => event.invoice,
        StatementEvent::TakenBack(event) => event.invoice,
    }
}

fn apply(rows: &mut Rows, event: &StatementEvent) {
    if let StatementEvent::Presented(presented) = event {
        rows.insert(presented.invoice, presented_row(presented));
        return;
    }
    let Some(row) = rows.get_mut(&invoice_of(event)) else {
        return;
    };
    match event {
        StatementEvent::Presented(_) => {}
        StatementEvent::PaymentRequested(requested) => row.requested_at = Some(requested.at),
        StatementEvent::PartPaid(part) => row.outstanding = part.outstanding,
        StatementEvent::FellOverdue(overdue) => {
            row.state = StatementState::Overdue;
            row.overdue_at = Some(overdue.at);
        }
        StatementEvent::Settled(settled) => {
            row.state = StatementState::Settled;
            row.outstanding = Rupiah::ZERO;
            row.settled_at = Some(settled.at);
        }
        StatementEvent::Withdrawn(withdrawn) => {
            row.state = StatementState::Withdrawn;
            row.outstanding = Rupiah::ZERO;
            row.withdrawn_at = Some(withdrawn.at);
        }
        StatementEvent::TakenBack(taken) => {
            row.outstanding = taken.outstanding;
            if row.state == StatementState::Settled {
                row.state = StatementState::Open;
                row.settled_at = None;
            }
        }
    }
}

fn presented_row(presented: &StatementPresented) -> StatementRow {
    StatementRow {
        invoice: presented.invoice,
        number: presented.number.clone(),
        period: presented.period,
        lines: presented.lines.clone(),
        total: presented.total,
        outstanding: presented.total,
        due_on: presented.due_on,
        state: StatementState::Open,
        issued_at: presented.issued_at,
        overdue_at: None,
        settled_at: None,
        withdrawn_at: None,
        requested_at: None,
    }
}

rows! {
    table: "statements", key: "invoice_id", newest: "issued_at",
    columns: "invoice_id, number, period_from, period_until, lines, total, outstanding, due_on, status, issued_at,
              overdue_at, settled_at, withdrawn_at, requested_at",
    StatementRow = |row| StatementRow {
        invoice: InvoiceId::new(row.invoice_id),
        number: read("number", row.number)?,
        period: read("period", json!({ "from": row.period_from, "until": row.period_until }))?,
        lines: read("lines", row.lines)?,
        total: read("total", row.total)?,
        outstanding: read("outstanding", row.outstanding)?,
        due_on: row.due_on,
        state: read("status", row.status)?,
        issued_at: row.issued_at,
        overdue_at: row.overdue_at,
        settled_at: row.settled_at,
        withdrawn_at: row.withdrawn_at,
        requested_at: row.requested_at,
    },
    page:
        /// Statements, newest first.
        pub fn list(state: Option<StatementState>) where "($5::text IS NULL OR status = $5)" [state.as_ref().map(word)],
    one by "invoice_id": fn by_invoice,
}

async fn store(tx: &mut TenantTx, rows: &[StatementRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO statements (tenant_id, invoice_id, number, period_from, period_until, lines, total, outstanding,
             due_on, status, issued_at, overdue_at, settled_at, withdrawn_at, requested_at)
         SELECT $1, s.* FROM UNNEST($2::uuid[], $3::text[], $4::date[], $5::date[], $6::jsonb[], $7::bigint[],
             $8::bigint[], $9::date[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],
             $14::timestamptz[], $15::timestamptz[]) AS s
         ON CONFLICT ON CONSTRAINT statements_pkey DO UPDATE SET
             (outstanding, status, overdue_at, settled_at, withdrawn_at, requested_at)
             = ROW (excluded.outstanding, excluded.status, excluded.overdue_at, excluded.settled_at,
                    excluded.withdrawn_at, excluded.requested_at)",
        tenant.as_uuid(),
        &column(rows, |row| row.invoice.as_uuid()),
        &column(rows, |row| row.number.as_str()) as &[&str],
        &column(rows, |row| row.period.from()),
        &column(rows, |row| row.period.until()),
        &column(rows, |row| stored::json(&row.lines)) as &[Value],
        &column(rows, |row| row.total.get()),
        &column(rows, |row| row.outstanding.get()),
        &column(rows, |row| row.due_on),
        &column(rows, |row| word(&row.state)),
        &column(rows, |row| row.issued_at),
        &column(rows, |row| row.overdue_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.settled_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.withdrawn_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.requested_at) as &[Option<DateTime<Utc>>],
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Keyed for StatementRow {
    fn position(&self) -> Position {
        Position {
            at: self.issued_at,
            id: self.invoice.as_uuid(),
        }
    }
}

/// One statement.
pub async fn by_id(tx: &mut TenantTx, invoice: InvoiceId) -> Result<Option<StatementRow>, QueryError> {
    Ok(by_invoice(tx, &[invoice.as_uuid()]).await?.pop())
}
