//! Statements over the tables of [`super::money`].

use serde_json::Value;
use simpul_domain::{CustomerId, InvoiceId, PaymentId, Rupiah, saas::payer_id};
use simpul_event_store::{TenantTx, feed::HandlerError};
use sqlx::types::Uuid;

use super::money::{AllocationRow, CreditRow, PaymentRow};
use crate::{
    rows::rows,
    sift::{Kind, id, sifted},
    stored::{column, json, read},
};

rows! {
    table: "payments", key: "payment_id", newest: "received_at",
    columns: "payment_id, customer_id, source, provider_ref, flags, gross, payer_fee, amount, allocated, credited,
              unmatched, refunded, undistributed, paid_at, received_at",
    PaymentRow = |row| PaymentRow {
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
    },
    page:
        /// All payments, or a customer's, newest first.
        pub fn list(customer: Option<CustomerId>) where "($5::uuid IS NULL OR customer_id = $5)"
        [customer.map(CustomerId::as_uuid)],
    one by "payment_id": pub(super) fn by_id,
}

sifted! {
    "payments" by "payment_id" as PaymentRow = |row| row.payment.as_uuid(), newest: RECEIVED_AT,
    all: list(None),
    CUSTOMER = "customer_id": id!(CustomerId),
    ACCOUNT = "customer_id": Kind::Id(|text| text.parse().ok().map(|account| payer_id(account).as_uuid())),
    AMOUNT = "amount": Kind::Number,
    UNMATCHED = "unmatched": Kind::Number,
    REFERENCE = "provider_ref": Kind::Text,
    PAID_AT = "paid_at": Kind::Instant,
    RECEIVED_AT = "received_at": Kind::Instant,
}

rows! {
    table: "allocations", order: "payment_id, invoice_id",
    columns: "payment_id, invoice_id, amount",
    AllocationRow = |row| AllocationRow {
        payment: PaymentId::new(row.payment_id),
        invoice: InvoiceId::new(row.invoice_id),
        amount: read("amount", row.amount)?,
    },
    all by "payment_id": pub(super) fn allocations_of,
    all by "invoice_id": pub(super) fn allocations_to,
}

rows! {
    table: "credits",
    columns: "customer_id, balance, used_on_invoices",
    CreditRow = |row| CreditRow {
        customer: CustomerId::new(row.customer_id),
        balance: read("balance", row.balance)?,
        used_on_invoices: read("used_on_invoices", row.used_on_invoices)?,
    },
    one by "customer_id": pub(super) fn credits_of,
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
