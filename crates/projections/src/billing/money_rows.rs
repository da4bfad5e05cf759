//! Statements over the tables of [`super::money`].

use serde_json::Value;
use simpul_domain::{CustomerId, InvoiceId, PaymentId, Rupiah};
use simpul_event_store::{TenantTx, feed::HandlerError};
use sqlx::types::Uuid;

use super::money::{AllocationRow, CreditRow, PaymentFilter, PaymentRow};
use crate::{
    Page, QueryError,
    stored::{column, json, read},
};

/// Rows from somewhere: by their ids, or of a list (see [`crate::stored`]).
macro_rules! rows {
    ($tx:ident, $from:tt, $($value:expr),* $(,)?) => {{
        let tenant = $tx.tenant();
        sqlx::query!(
            "SELECT payment_id, customer_id, source, provider_ref, flags, gross, payer_fee, amount, allocated, credited,
                    unmatched, refunded, undistributed, paid_at, received_at
             FROM " + $from,
            tenant.as_uuid(),
            $($value),*
        )
        .fetch_all(&mut **$tx)
        .await?
        .into_iter()
        .map(|row| {
            Ok(PaymentRow {
                payment: PaymentId::new(row.payment_id),
                customer: row.customer_id.map(CustomerId::new),
                source: read("source", row.source)?,
                provider_ref: row.provider_ref,
                flags: read("flags", row.flags)?,
                gross: read("gross", row.gross)?,
                payer_fee: read("payer_fee", row.payer_fee)?,
                amount: read("amount", row.amount)?,
                allocated: read("allocated", row.allocated)?,
                credited: read("credited", row.credited)?,
                unmatched: read("unmatched", row.unmatched)?,
                refunded: read("refunded", row.refunded)?,
                undistributed: read("undistributed", row.undistributed)?,
                paid_at: row.paid_at,
                received_at: row.received_at,
            })
        })
        .collect()
    }};
}

pub(super) async fn by_id(tx: &mut TenantTx, ids: &[Uuid]) -> Result<Vec<PaymentRow>, QueryError> {
    rows!(
        tx,
        "(SELECT DISTINCT unnest($2::uuid[]) AS id) AS wanted
         CROSS JOIN LATERAL (SELECT * FROM payments WHERE tenant_id = $1 AND payment_id = wanted.id LIMIT 1) AS found",
        ids
    )
}

/// Payments that pass the filter, newest first.
pub(super) async fn select(
    tx: &mut TenantTx,
    filter: PaymentFilter,
    page: Page,
) -> Result<Vec<PaymentRow>, QueryError> {
    rows!(
        tx,
        "payments WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR (received_at, payment_id) < ($2, $3))
         AND ($4::uuid IS NULL OR customer_id = $4) AND (NOT $5 OR unmatched > 0)
         ORDER BY received_at DESC, payment_id DESC LIMIT $6",
        page.at(),
        page.id(),
        filter.customer.map(CustomerId::as_uuid),
        filter.unmatched_only,
        page.fetch()
    )
}

/// Allocations under a condition, like [`rows`].
macro_rules! allocations {
    ($tx:ident, $condition:tt, $ids:expr) => {{
        let tenant = $tx.tenant();
        sqlx::query!(
            "SELECT payment_id, invoice_id, amount FROM allocations
             WHERE tenant_id = $1 AND "
                + $condition
                + " ORDER BY payment_id, invoice_id",
            tenant.as_uuid(),
            $ids
        )
        .fetch_all(&mut **$tx)
        .await?
        .into_iter()
        // What was taken back whole is on no bill any more.
        .filter(|row| row.amount > 0)
        .map(|row| {
            Ok(AllocationRow {
                payment: PaymentId::new(row.payment_id),
                invoice: InvoiceId::new(row.invoice_id),
                amount: read("amount", row.amount)?,
            })
        })
        .collect()
    }};
}

pub(super) async fn allocations_of(
    tx: &mut TenantTx,
    payments: &[Uuid],
) -> Result<Vec<AllocationRow>, QueryError> {
    allocations!(tx, "payment_id = ANY($2)", payments)
}

pub(super) async fn allocations_to(
    tx: &mut TenantTx,
    invoices: &[Uuid],
) -> Result<Vec<AllocationRow>, QueryError> {
    allocations!(tx, "invoice_id = ANY($2)", invoices)
}

pub(super) async fn credits_where(
    tx: &mut TenantTx,
    customers: &[Uuid],
) -> Result<Vec<CreditRow>, QueryError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "SELECT customer_id, balance, used_on_invoices FROM credits WHERE tenant_id = $1 AND customer_id = ANY($2)",
        tenant.as_uuid(),
        customers
    )
    .fetch_all(&mut **tx)
    .await?
    .into_iter()
    .map(|row| {
        Ok(CreditRow {
            customer: CustomerId::new(row.customer_id),
            balance: read("balance", row.balance)?,
            used_on_invoices: read("used_on_invoices", row.used_on_invoices)?,
        })
    })
    .collect()
}

pub(super) async fn store_payments(tx: &mut TenantTx, rows: &[PaymentRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO payments (tenant_id, payment_id, customer_id, source, provider_ref, flags, gross, payer_fee, amount,
             allocated, credited, unmatched, refunded, undistributed, paid_at, received_at)
         SELECT $1, p.* FROM UNNEST($2::uuid[], $3::uuid[], $4::jsonb[], $5::text[], $6::jsonb[], $7::bigint[],
             $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
             $15::timestamptz[], $16::timestamptz[]) AS p
         ON CONFLICT ON CONSTRAINT payments_pkey DO UPDATE SET
             (customer_id, allocated, credited, unmatched, refunded, undistributed)
             = ROW (excluded.customer_id, excluded.allocated, excluded.credited, excluded.unmatched, excluded.refunded,
                    excluded.undistributed)",
        tenant.as_uuid(),
        &column(rows, |row| row.payment.as_uuid()),
        &column(rows, |row| row.customer.map(CustomerId::as_uuid)) as &[Option<Uuid>],
        &column(rows, |row| json(&row.source)) as &[Value],
        &column(rows, |row| row.provider_ref.as_str()) as &[&str],
        &column(rows, |row| json(&row.flags)) as &[Value],
        &column(rows, |row| row.gross.get()),
        &column(rows, |row| row.payer_fee.get()),
        &column(rows, |row| row.amount.get()),
        &column(rows, |row| row.allocated.get()),
        &column(rows, |row| row.credited.get()),
        &column(rows, |row| row.unmatched.get()),
        &column(rows, |row| row.refunded.get()),
        &column(rows, |row| row.undistributed.get()),
        &column(rows, |row| row.paid_at),
        &column(rows, |row| row.received_at),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn store_allocations(
    tx: &mut TenantTx,
    rows: &[((PaymentId, InvoiceId), Rupiah)],
) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO allocations (tenant_id, payment_id, invoice_id, amount)
         SELECT $1, a.* FROM UNNEST($2::uuid[], $3::uuid[], $4::bigint[]) AS a
         ON CONFLICT ON CONSTRAINT allocations_pkey DO UPDATE SET amount = excluded.amount",
        tenant.as_uuid(),
        &column(rows, |((payment, _), _)| payment.as_uuid()),
        &column(rows, |((_, invoice), _)| invoice.as_uuid()),
        &column(rows, |(_, amount)| amount.get()),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn store_credits(tx: &mut TenantTx, rows: &[CreditRow]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO credits (tenant_id, customer_id, balance, used_on_invoices)
         SELECT $1, c.* FROM UNNEST($2::uuid[], $3::bigint[], $4::bigint[]) AS c
         ON CONFLICT ON CONSTRAINT credits_pkey DO UPDATE SET
             balance = excluded.balance, used_on_invoices = excluded.used_on_invoices",
        tenant.as_uuid(),
        &column(rows, |row| row.customer.as_uuid()),
        &column(rows, |row| row.balance.get()),
        &column(rows, |row| row.used_on_invoices.get()),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
