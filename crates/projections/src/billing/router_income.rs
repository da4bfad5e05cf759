//! What came in, by the routers of the lines that it paid. Read from payments, bills and lines as they are now.
//!
//! A payment is on bills, and a bill is of a line; what is on no bill (credit, money of nobody that is known) is of no
//! router, and so is what is on a bill whose line is not known. Nothing is lost: the parts of all routers and of none add up
//! to what was received and not given back.

use chrono::{DateTime, Utc};
use simpul_domain::{RouterId, Rupiah};
use simpul_event_store::TenantTx;

use crate::{QueryError, stored::read};

/// Most routers that are told apart, those with the most first.
pub const MAX_ROUTERS: i64 = 500;

/// What was received within some time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouterIncome {
    /// All of it.
    pub received: Rupiah,
    /// What of it was given back or taken back since.
    pub refunded: Rupiah,
    /// The rest, by router; what is of none comes last.
    pub parts: Vec<RouterPart>,
}

/// What was received for the lines of one router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterPart {
    /// Nothing for what is of no router, and for routers beyond [`MAX_ROUTERS`].
    pub router: Option<RouterId>,
    /// As it is called now.
    pub name: Option<String>,
    pub kept: Rupiah,
    /// Payments of which some is in it.
    pub payments: i64,
}

/// Of payments that were paid from `from` on and before `until`.
pub async fn by_router(
    tx: &mut TenantTx,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<RouterIncome, QueryError> {
    let tenant = tx.tenant();
    // One statement: the parts are those of the same moment as the sums.
    let rows = sqlx::query!(
        r#"WITH paid AS (
               SELECT payment_id, amount, refunded, amount - refunded - allocated AS elsewhere FROM payments
               WHERE tenant_id = $1 AND paid_at >= $2 AND paid_at < $3
           ), parts AS (
               SELECT s.router_id, a.payment_id, a.amount
               FROM paid p
               JOIN allocations a ON a.tenant_id = $1 AND a.payment_id = p.payment_id
               LEFT JOIN invoices i ON i.tenant_id = $1 AND i.invoice_id = a.invoice_id
               LEFT JOIN subscriptions s ON s.tenant_id = $1 AND s.subscription_id = i.subscription_id
               WHERE a.amount <> 0
               UNION ALL
               SELECT NULL, payment_id, elsewhere FROM paid WHERE elsewhere <> 0
           ), places AS (
               SELECT router_id, row_number() OVER (ORDER BY sum(amount) DESC, router_id) AS place
               FROM parts WHERE router_id IS NOT NULL GROUP BY router_id
           ), told AS (
               SELECT n.router_id, sum(p.amount)::bigint AS kept, count(DISTINCT p.payment_id) AS payments
               FROM parts p LEFT JOIN places n ON n.router_id = p.router_id AND n.place <= $4
               GROUP BY n.router_id
           ), sums AS (
               SELECT coalesce(sum(amount), 0)::bigint AS received, coalesce(sum(refunded), 0)::bigint AS refunded FROM paid
           )
           SELECT sums.received AS "received!", sums.refunded AS "refunded!", told.router_id AS "router_id?",
                  r.name AS "name?", told.kept AS "kept?", told.payments AS "payments?"
           FROM sums
           LEFT JOIN told ON true
           LEFT JOIN routers r ON r.tenant_id = $1 AND r.router_id = told.router_id
           ORDER BY told.router_id IS NULL, told.kept DESC, told.router_id"#,
        tenant.as_uuid(),
        from,
        until,
        MAX_ROUTERS
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut income = RouterIncome::default();
    for row in rows {
        income.received = read("received", row.received)?;
        income.refunded = read("refunded", row.refunded)?;
        // Without payments there are the sums, and no part.
        if let Some((kept, payments)) = row.kept.zip(row.payments) {
            income.parts.push(RouterPart {
                router: row.router_id.map(RouterId::new),
                name: row.name,
                kept: read("kept", kept)?,
                payments,
            });
        }
    }
    Ok(income)
}
