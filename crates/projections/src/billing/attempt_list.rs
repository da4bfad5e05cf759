//! Attempts to pay a bill through a gateway; fed by the projection of [`super::invoice_list`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use simpul_domain::{
    AttemptId, CustomerId, GatewayId, InvoiceId, Rupiah,
    billing::{
        AttemptEvent, MerchantRef,
        attempt::{AttemptCreated, AttemptStatus},
        gateway::{Checkout, GatewayKind},
    },
};
use simpul_event_store::{TenantTx, feed::HandlerError};

use crate::{
    QueryError,
    rows::rows,
    stored::{column, json, read, read_opt, word},
};

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    pub attempt: AttemptId,
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub gateway: GatewayId,
    pub kind: GatewayKind,
    pub merchant_ref: MerchantRef,
    pub channel: String,
    /// What goes to the bill.
    pub amount: Rupiah,
    /// What the payer is expected to pay, fee included.
    pub expected_payer_amount: Rupiah,
    pub status: AttemptStatus,
    /// Page, code or QR with which the payer pays, once the gateway has opened it.
    pub checkout: Option<Checkout>,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub paid_at: Option<DateTime<Utc>>,
}

type Rows = BTreeMap<AttemptId, AttemptRow>;

pub(super) async fn project(tx: &mut TenantTx, events: &[&AttemptEvent]) -> Result<(), HandlerError> {
    if events.is_empty() {
        return Ok(());
    }
    let ids = column(events, |event| attempt_of(event).as_uuid());
    let found = by_id(tx, &ids).await?;
    let mut rows: Rows = found.into_iter().map(|row| (row.attempt, row)).collect();
    for event in events {
        apply(&mut rows, event);
    }
    store(tx, &rows.into_values().collect::<Vec<_>>()).await
}

fn attempt_of(event: &AttemptEvent) -> AttemptId {
    match event {
        AttemptEvent::Created(event) => event.attempt,
        AttemptEvent::CheckoutOpened(event) => event.attempt,
        AttemptEvent::CreateFailed(event) => event.attempt,
        AttemptEvent::Paid(event) => event.attempt,
        AttemptEvent::Failed(event) => event.attempt,
        AttemptEvent::Expired(event) => event.attempt,
        AttemptEvent::Cancelled(event) => event.attempt,
        AttemptEvent::Refunded(event) => event.attempt,
        AttemptEvent::ChargedBack(event) => event.attempt,
        AttemptEvent::Reversed(event) => event.attempt,
        AttemptEvent::ObservationIgnored(event) => event.attempt,
    }
}

fn apply(rows: &mut Rows, event: &AttemptEvent) {
    if let AttemptEvent::Created(created) = event {
        rows.insert(created.attempt, created_row(created));
        return;
    }
    let Some(row) = rows.get_mut(&attempt_of(event)) else {
        return;
    };
    row.status = match event {
        AttemptEvent::Created(_) | AttemptEvent::ObservationIgnored(_) => row.status,
        AttemptEvent::CheckoutOpened(opened) => {
            row.checkout = Some(opened.checkout.clone());
            row.status.with_checkout()
        }
        AttemptEvent::CreateFailed(_) => AttemptStatus::CreateFailed,
        AttemptEvent::Paid(paid) => {
            row.paid_at = Some(paid.paid_at);
            AttemptStatus::Paid
        }
        AttemptEvent::Failed(failed) if failed.denied => AttemptStatus::Denied,
        AttemptEvent::Failed(_) => AttemptStatus::Failed,
        AttemptEvent::Expired(_) => AttemptStatus::Expired,
        AttemptEvent::Cancelled(_) => AttemptStatus::Cancelled,
        AttemptEvent::Refunded(refunded) if refunded.partial => AttemptStatus::PartiallyRefunded,
        AttemptEvent::Refunded(_) => AttemptStatus::Refunded,
        AttemptEvent::ChargedBack(_) => AttemptStatus::ChargedBack,
        AttemptEvent::Reversed(_) => AttemptStatus::Reversed,
    };
}

fn created_row(created: &AttemptCreated) -> AttemptRow {
    AttemptRow {
        attempt: created.attempt,
        invoice: created.invoice,
        customer: created.customer,
        gateway: created.gateway,
        kind: created.kind,
        merchant_ref: created.merchant_ref.clone(),
        channel: created.channel.clone(),
        amount: created.amount,
        expected_payer_amount: created.expected_payer_amount,
        status: AttemptStatus::Created,
        checkout: None,
        expires_at: created.expires_at,
        created_at: created.at,
        paid_at: None,
    }
}

rows! {
    table: "attempts", order: "created_at DESC, attempt_id DESC",
    columns: "attempt_id, invoice_id, customer_id, gateway_id, kind, merchant_ref, channel, amount, expected, status,
              checkout, expires_at, created_at, paid_at",
    AttemptRow = |row| AttemptRow {
        attempt: AttemptId::new(row.attempt_id),
        invoice: InvoiceId::new(row.invoice_id),
        customer: CustomerId::new(row.customer_id),
        gateway: GatewayId::new(row.gateway_id),
        kind: read("kind", row.kind)?,
        merchant_ref: read("merchant_ref", row.merchant_ref)?,
        channel: row.channel,
        amount: read("amount", row.amount)?,
        expected_payer_amount: read("expected", row.expected)?,
        status: read("status", row.status)?,
        checkout: read_opt("checkout", row.checkout)?,
        expires_at: row.expires_at,
        created_at: row.created_at,
        paid_at: row.paid_at,
    },
    one by "attempt_id": fn by_id,
    all by "invoice_id": fn by_invoice,
}

async fn store(tx: &mut TenantTx, rows: &[AttemptRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO attempts (tenant_id, attempt_id, invoice_id, customer_id, gateway_id, kind, merchant_ref, channel,
             amount, expected, status, checkout, expires_at, created_at, paid_at)
         SELECT $1, a.* FROM UNNEST($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[],
             $9::bigint[], $10::bigint[], $11::text[], $12::jsonb[], $13::timestamptz[], $14::timestamptz[],
             $15::timestamptz[]) AS a
         ON CONFLICT ON CONSTRAINT attempts_pkey DO UPDATE SET
             status = excluded.status, checkout = excluded.checkout, paid_at = excluded.paid_at",
        tenant.as_uuid(),
        &column(rows, |row| row.attempt.as_uuid()),
        &column(rows, |row| row.invoice.as_uuid()),
        &column(rows, |row| row.customer.as_uuid()),
        &column(rows, |row| row.gateway.as_uuid()),
        &column(rows, |row| word(&row.kind)),
        &column(rows, |row| row.merchant_ref.as_str()) as &[&str],
        &column(rows, |row| row.channel.as_str()) as &[&str],
        &column(rows, |row| row.amount.get()),
        &column(rows, |row| row.expected_payer_amount.get()),
        &column(rows, |row| word(&row.status)),
        &column(rows, |row| row.checkout.as_ref().map(json)) as &[Option<Value>],
        &column(rows, |row| row.expires_at),
        &column(rows, |row| row.created_at),
        &column(rows, |row| row.paid_at) as &[Option<DateTime<Utc>>],
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The attempts at these bills, newest first.
pub async fn of_invoices(tx: &mut TenantTx, invoices: &[InvoiceId]) -> Result<Vec<AttemptRow>, QueryError> {
    by_invoice(tx, &column(invoices, |id| id.as_uuid())).await
}

/// Attempts by id; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[AttemptId]) -> Result<Vec<AttemptRow>, QueryError> {
    by_id(tx, &column(ids, |id| id.as_uuid())).await
}
