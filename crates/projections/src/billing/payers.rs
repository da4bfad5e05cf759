//! Which operators the platform's payers are: a payment names its payer only, and the payer's bills name the operator.

use simpul_domain::{CustomerId, TenantId};
use simpul_event_store::TenantTx;

use super::invoice_list::BilledAccount;
use crate::{QueryError, stored::column};

/// An operator as one who pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayerRow {
    pub payer: CustomerId,
    pub account: TenantId,
    /// As the newest bill names it.
    pub named: BilledAccount,
}

/// The operators behind these payers; whoever was never billed is left out.
pub async fn by_ids(tx: &mut TenantTx, payers: &[CustomerId]) -> Result<Vec<PayerRow>, QueryError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"SELECT wanted.id AS "payer!", bill.account_id AS "account!", bill.code AS "code!", bill.name
           FROM (SELECT DISTINCT unnest($2::uuid[]) AS id) AS wanted CROSS JOIN LATERAL (
               SELECT account_id, snapshot->>'customer_code' AS code, snapshot->>'account_name' AS name FROM invoices
               WHERE tenant_id = $1 AND customer_id = wanted.id AND account_id IS NOT NULL
               ORDER BY issued_at DESC, invoice_id DESC LIMIT 1) AS bill"#,
        tenant.as_uuid(),
        &column(payers, |payer| payer.as_uuid())
    )
    .fetch_all(&mut **tx)
    .await?;
    let payers = rows.into_iter().map(|row| PayerRow {
        payer: CustomerId::new(row.payer),
        account: TenantId::new(row.account),
        named: BilledAccount {
            code: row.code,
            name: row.name,
        },
    });
    Ok(payers.collect())
}
